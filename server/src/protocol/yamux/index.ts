export type { YamuxConfig } from './config.ts';
export type { YamuxSessionOptions } from './session.ts';
export { YamuxSession } from './session.ts';
export { YamuxStream } from './stream.ts';
