// The parts of prom-client that are loaded, by their files: its index would load a push client, a
// cluster and OpenTelemetry too, 3 MB of memory that nothing here needs.

declare module 'prom-client/lib/registry.js' {
  export { Registry as default } from 'prom-client';
}

declare module 'prom-client/lib/counter.js' {
  export { Counter as default } from 'prom-client';
}

declare module 'prom-client/lib/gauge.js' {
  export { Gauge as default } from 'prom-client';
}
