import { CodedError } from '../../base/errors.ts';
import type { BucketPage } from '../../base/ports/bucket.ts';
import { lengthIn, modifiedOrNow } from '../bucket/unknown-values.ts';

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
};

/**
 * The page of a listing in the XML of "List Blobs", of which only the elements below are of interest.
 * The store writes it; what is missing in it is an error, not a shorter list.
 */
export function readListing(xml: string): BucketPage {
  if (!/<EnumerationResults[\s>]/.test(xml) || !xml.includes('</EnumerationResults>')) {
    throw senseless('it is no whole listing');
  }
  const objects = elements(xml, 'Blob').map((blob) => {
    const sizeBytes = lengthIn(/<Content-Length>([^<]*)</.exec(blob)?.[1]);
    const modifiedMs = modifiedOrNow(/<Last-Modified>([^<]*)</.exec(blob)?.[1]);
    return { key: nameOf(blob), sizeBytes, modifiedMs };
  });
  const folders = elements(xml, 'BlobPrefix').map(nameOf);
  const next = /<NextMarker>([^<]*)<\/NextMarker>/.exec(xml)?.[1] ?? '';
  return { objects, folders, next: next === '' ? undefined : decode(next) };
}

function elements(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, 'gs'))].map(([, body]) => body);
}

/** A name that XML has no form for is sent in the encoding of addresses. */
function nameOf(element: string): string {
  const found = /<Name( Encoded="true")?>([^<]*)<\/Name>/.exec(element);
  if (found === null) throw senseless('an object has no name');
  const name = decode(found[2]);
  return found[1] === undefined ? name : decodeURIComponent(name);
}

function decode(text: string): string {
  return text.replace(/&(#x[\da-fA-F]{1,6}|#\d{1,7}|\w{1,6});/g, (whole, entity: string) => {
    if (!entity.startsWith('#')) return ENTITIES[entity] ?? whole;
    const isHex = entity[1] === 'x';
    return String.fromCodePoint(Number.parseInt(entity.slice(isHex ? 2 : 1), isHex ? 16 : 10));
  });
}

function senseless(reason: string): CodedError {
  return new CodedError(
    'ERR_FILESTORE_UNREACHABLE',
    `the answer of the store makes no sense: ${reason}`,
  );
}
