/** Tables: the latest value of each key. */
import { toStream } from '../../engine/operators/to-stream.ts'
import { checkOptions } from './options.ts'
import { freeName } from './place.ts'
import type { TablePlace } from './place.ts'
import type { Named, Stream, Table } from './types.ts'

export class TableHandle<K, V> implements Table<K, V> {
  readonly place: TablePlace

  constructor(place: TablePlace) {
    this.place = place
  }

  toStream(options?: Named): Stream<K, V> {
    const { shop, node, lineage, key, value } = this.place
    checkOptions('toStream', options)
    const name = freeName(this.place, 'toStream', options)
    shop.builder.add(toStream({ name, parent: node }))
    return shop.stream({ shop, node: name, lineage, key, value })
  }
}
