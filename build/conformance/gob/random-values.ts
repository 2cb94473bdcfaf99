import { Random } from '../../../server/test/kits/random.ts';
import { plain } from './plain.ts';
import { concreteTypes, namedTypes, part, type Description } from './schemas.ts';

const MAX_DEPTH = 6;
const ALPHABET = ['a', 'Z', '0', ' ', '\0', '\n', '"', '\\', '<', 'ß', '€', '𝄞'];

/** A random value of a described type, for our encoder. */
export function randomValue(random: Random, type: Description, depth = 0): unknown {
  const many = () => Array.from({ length: depth < MAX_DEPTH ? random.int(4) : 0 });
  const inner = () => randomValue(random, part(type.elem), depth + 1);
  switch (type.kind) {
    case 'bool':
      return random.int(2) === 0;
    case 'string':
    case 'Texted':
      return randomText(random);
    case 'URL':
      return random.int(4) === 0 ? '' : `https://h/${random.int(99)}?q=1`;
    case 'bytes':
      return Buffer.from(randomText(random));
    case 'int':
    case 'uint':
    case 'Int':
      return randomInteger(random, type);
    case 'float':
      return randomFloat(random, part(type.bits));
    case 'complex':
      return { re: randomFloat(random, part(type.bits)), im: randomFloat(random, part(type.bits)) };
    case 'Time':
      return randomTime(random);
    case 'any':
      return randomConcrete(random, depth);
    case 'slice':
      return many().map(element);
    case 'array':
      return Array.from({ length: type.length ?? 0 }, element);
    case 'map':
      return randomMap(random, type, many().length, depth, element);
    case 'pointer':
      return depth >= MAX_DEPTH || random.int(4) === 0 ? null : inner();
    case 'struct': {
      const fields = part(type.fields ?? []);
      return Object.fromEntries(
        fields.map((f) => [f.name, randomValue(random, f.type, depth + 1)]),
      );
    }
    default:
      return randomValue(random, part(namedTypes[type.kind]), depth + 1);
  }

  // Gob cannot send a null pointer as an element.
  function element(): unknown {
    const elem = part(type.elem);
    const target = elem.kind === 'pointer' ? part(elem.elem) : elem;
    return randomValue(random, target, depth + 1);
  }
}

function randomMap(
  random: Random,
  type: Description,
  size: number,
  depth: number,
  element: () => unknown,
): Map<unknown, unknown> {
  const entries = new Map<string, [unknown, unknown]>();
  for (let i = 0; i < size; i++) {
    const key = randomValue(random, part(type.key), depth + 1);
    entries.set(JSON.stringify(plain(part(type.key), key)), [key, element()]);
  }
  return new Map(entries.values());
}

function randomInteger(random: Random, type: Description): bigint | number {
  const bits = type.bits ?? 64;
  const wide = (BigInt(random.int(2 ** 32)) << 32n) | BigInt(random.int(2 ** 32));
  const shifted = wide >> BigInt(random.int(64));
  if (type.kind === 'uint') return BigInt.asUintN(bits, shifted);
  const signed = BigInt.asIntN(bits, shifted);
  return bits === 64 ? signed : Number(signed);
}

function randomFloat(random: Random, bits: number): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint32(0, random.int(2 ** 32));
  view.setUint32(4, random.int(2 ** 32));
  if (random.int(4) === 0) return random.int(1000) - 500;
  const value = bits === 32 ? view.getFloat32(0) : view.getFloat64(0);
  return Number.isNaN(value) ? Infinity : value;
}

function randomText(random: Random): string {
  if (random.int(40) === 0) return '\0'.repeat(100 + random.int(300));
  return Array.from({ length: random.int(12) }, () => random.pick(ALPHABET)).join('');
}

function randomTime(random: Random): object {
  const at = { unixSeconds: random.int(4e9) - 2e9, nanoseconds: random.int(1e9) };
  const kind = random.int(4);
  if (kind === 0) return at;
  return {
    ...at,
    offsetSeconds: kind === 1 ? random.int(50_000) + 61 : random.int(24) * 1800 + 60,
  };
}

function randomConcrete(random: Random, depth: number): unknown {
  const names = Object.keys(concreteTypes);
  const type = random.pick(depth >= MAX_DEPTH ? names.slice(0, 6) : names);
  if (random.int(6) === 0) return null;
  return { type, value: randomValue(random, concreteTypes[type], depth + 2) };
}
