export { array, map, slice } from './containers.ts';
export { GobDecoder, type DescribedValue, type GobDecoderOptions } from './decoder.ts';
export { GobEncoder, type Encodable } from './encoder.ts';
export { iface, type InterfaceValue, type Registry } from './interface.ts';
export { opaque, type OpaqueCodec } from './opaque.ts';
export { lazy, mapped, optional, pointer } from './references.ts';
export { basicRegistry, goAny } from './registry.ts';
export {
  anyInt,
  anyUint,
  bool,
  bytes,
  complex,
  float,
  int,
  int64,
  string,
  uint,
  uint64,
  type Complex,
} from './scalars.ts';
export { zero, type Schema, type ValueOf } from './schema.ts';
export { fill, struct, type Fields, type StructOf } from './struct.ts';
export { time, timeFromMs, timeToMs, url, ZERO_TIME, type GoTime } from './time.ts';
