import { CodedError } from '../../base/errors.ts';
import { FairShares } from '../../base/fair-shares.ts';
import type { Labels } from '../../model/labels.ts';
import { SERVER_JOB } from '../../model/server-job.ts';
import { LABEL_BYTES_MAX } from '../limits.ts';

/** Whose a series is: the labels that a scraper gives to all series of a target. */
interface Owner {
  readonly key: string;
  readonly job: string;
  readonly instance: string;
}

/** Series of the head and the text of their labels, by the target that they belong to. */
export class SeriesShares {
  readonly #series: FairShares;
  readonly #labelBytes: FairShares;

  constructor(seriesMax: number, labelBytesMax = LABEL_BYTES_MAX) {
    this.#series = new FairShares(seriesMax);
    this.#labelBytes = new FairShares(labelBytesMax);
  }

  /** `ERR_SERIES_SHARE` when the target of these labels may have no further series. */
  check(labels: Labels): void {
    const owner = ownerOf(labels);
    if (owner === undefined) return;
    const isFirst = owner.job === SERVER_JOB;
    const { key } = owner;
    if (!this.#series.hasRoom(key, 1, isFirst)) {
      throw shareError(owner, 'series', this.#series);
    }
    if (!this.#labelBytes.hasRoom(key, labelBytes(labels), isFirst)) {
      throw shareError(owner, 'bytes of labels', this.#labelBytes);
    }
  }

  add(labels: Labels): void {
    const owner = ownerOf(labels);
    if (owner === undefined) return;
    const isFirst = owner.job === SERVER_JOB;
    this.#series.take(owner.key, 1, isFirst);
    this.#labelBytes.take(owner.key, labelBytes(labels), isFirst);
  }

  remove(labels: Labels): void {
    const owner = ownerOf(labels);
    if (owner === undefined) return;
    this.#series.giveBack(owner.key, 1);
    this.#labelBytes.giveBack(owner.key, labelBytes(labels));
  }
}

/** undefined for a series that no scraper has made. */
function ownerOf(labels: Labels): Owner | undefined {
  let [job, instance] = ['', ''];
  for (const { name, value } of labels) {
    if (name === 'job') job = value;
    else if (name === 'instance') instance = value;
  }
  return job === '' || instance === '' ? undefined : { key: `${job}\n${instance}`, job, instance };
}

function labelBytes(labels: Labels): number {
  let bytes = 0;
  for (const { name, value } of labels) bytes += name.length + value.length;
  return bytes;
}

function shareError({ key, job, instance }: Owner, unit: string, shares: FairShares): CodedError {
  const [used, { limit, oneMax }] = [shares.usedBy(key), shares];
  const why =
    used * 2 >= oneMax
      ? `no target may have more than ${oneMax}, half of the limit of ${limit}`
      : `little is left of the limit of ${limit} for all targets`;
  const message =
    `too many series: ${used} ${unit} of the target ${instance} (job ${job}) are in memory, and ` +
    `${why}; nothing of its answer is stored`;
  return new CodedError('ERR_SERIES_SHARE', message, { instance, job, found: used, limit });
}
