/**
 * Late flights, enriched and counted: the application of the demo. Flights are joined with their airport; each late one asks a
 * rebooking service, goes to a topic of alerts and to a webhook; every flight counts into a table of its origin.
 *
 *   npm run sluice explain examples/flights/app.ts
 */
import { defineApp, json, string, topic } from 'sluice'
import type { App } from 'sluice'
import { http } from 'sluice/enrich'

export interface Flight {
  readonly id: string
  /** Departure, ISO 8601. */
  readonly departs: string
  readonly origin: string
  readonly destination: string
  /** Minutes; negative: early. */
  readonly delay: number
  /** Miles. */
  readonly distance: number
}

export interface Airport {
  readonly iata: string
  readonly name: string
  readonly city: string
  readonly state: string
}

/** What the rebooking service answers. */
export interface Rebooking {
  readonly nextDeparture: string
  readonly seats: number
}

export interface Departure extends Flight {
  readonly airport: string
  readonly city: string
}

export interface Alert extends Departure {
  /** Null when the service did not answer in time, retries included. */
  readonly rebooking: Rebooking | null
}

/** One row of the table of origins. */
export interface Origin {
  readonly origin: string
  readonly city: string
  readonly flights: number
  readonly late: number
  /** Minutes, all flights added up. */
  readonly totalDelay: number
  readonly worstDelay: number
}

export const LATE_MINUTES = 60

export const flights = topic('flights', { key: string, value: json<Flight>() })
export const airports = topic('airports', { key: string, value: json<Airport>() })
export const delayAlerts = topic('delay-alerts', { key: string, value: json<Alert>() })
export const worstOrigins = topic('worst-origins', { key: string, value: json<Origin>() })

export interface Services {
  /** Base URL of the rebooking service. */
  readonly rebooking: string
  /** Where alerts are posted to. */
  readonly webhook: string
}

/** The application, for services at these addresses. */
export function flightDelays(services: Services): App {
  return defineApp('flight-delays', (flow) => {
    const departures = flow
      .stream(flights)
      .selectKey((flight) => flight.origin)
      .leftJoin(flow.table(airports), addAirport, { name: 'departures' })

    const alerts = departures
      .filter((flight) => flight.delay > LATE_MINUTES)
      .enrich(
        {
          rebooking: http<Rebooking>(`${services.rebooking}/rebooking/{value.origin}/{value.destination}`, {
            timeout: '500ms',
            retry: 5,
          }),
        },
        { name: 'rebook', concurrency: 64, fallback: { rebooking: null } },
      )
    alerts.to(delayAlerts)
    alerts.enrich(http(services.webhook, { method: 'POST', body: chatMessage, retry: 10 }), {
      name: 'chat',
      order: 'none',
    })

    departures
      .groupByKey()
      .aggregate({ name: 'origins', init: noFlights, add: addFlight })
      .toStream()
      .to(worstOrigins)
  })
}

function addAirport(flight: Flight, airport: Airport | null): Departure {
  return { ...flight, airport: airport?.name ?? flight.origin, city: airport?.city ?? flight.origin }
}

function noFlights(): Origin {
  return { origin: '', city: '', flights: 0, late: 0, totalDelay: 0, worstDelay: Number.MIN_SAFE_INTEGER }
}

function addFlight(so: Origin, flight: Departure): Origin {
  return {
    origin: flight.origin,
    city: flight.city,
    flights: so.flights + 1,
    late: so.late + (flight.delay > LATE_MINUTES ? 1 : 0),
    totalDelay: so.totalDelay + flight.delay,
    worstDelay: Math.max(so.worstDelay, flight.delay),
  }
}

/** What a chat room would be sent. */
export function chatMessage(alert: Alert): { readonly text: string } {
  const { rebooking } = alert
  const advice =
    rebooking === null ? 'no rebooking known' : `next ${rebooking.nextDeparture}, ${rebooking.seats} seats`
  return {
    text: `${alert.origin} (${alert.city}) to ${alert.destination}: ${alert.delay} min late, ${advice}`,
  }
}

/** For `sluice explain` and `sluice run`; the demo makes its own with the ports it was given. */
export default flightDelays({
  rebooking: process.env['REBOOKING_URL'] ?? 'http://127.0.0.1:8801',
  webhook: process.env['WEBHOOK_URL'] ?? 'http://127.0.0.1:8802/chat',
})
