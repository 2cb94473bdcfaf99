/**
 * `make bench-scrape`: our scraper and Prometheus under the same load, in turn, in one run. What
 * counts is the ratio; absolute figures move with the machine. The environment may shorten a run:
 * BENCH_RUNS (3), BENCH_SECONDS (60) and BENCH_WARMUP (15) per measurement, and BENCH_ONLY, a part
 * of the name of the only comparison wanted (`at_rest` for the plugin that rests).
 */
import { temporaryDir } from '../support/temporary.ts';
import { missingTools, tools } from '../support/tools.ts';
import { measureAtRest } from './scrape/at-rest.ts';
import { measure, type Load, type Measured } from './scrape/measure.ts';
import { type Programs, bundleOurs } from './scrape/peer.ts';
import { median, print, ratioLine, runs } from './support.ts';

const base = {
  targets: 10,
  series: 5000,
  intervalMs: 1000,
  seconds: Number(process.env['BENCH_SECONDS'] ?? 60),
  warmUpSeconds: Number(process.env['BENCH_WARMUP'] ?? 15),
};
const only = process.env['BENCH_ONLY'] ?? '';

type Side = readonly [who: Programs | 'theirs', load: Load];

/** Medians of both sides, measured in turn. */
async function compare(name: string, a: Side, b: Side): Promise<[Measured, Measured]> {
  const all: Measured[][] = [[], []];
  for (let run = 1; run <= runs; run++) {
    for (const [index, [who, load]] of [a, b].entries()) {
      const one = await measure(who, load);
      all[index].push(one);
      const cpu = `${one.cpuPerMillion.toFixed(3)} CPU s/M samples`;
      const shape = `${load.targets} x ${load.series} at ${load.intervalMs / 1000} s`;
      print(
        `${name} run ${run}, ${who === 'theirs' ? 'theirs' : 'ours'}, ${shape}: ${cpu}, ${one.rssMiB.toFixed(1)} MiB`,
      );
    }
  }
  const [ours, theirs] = all.map((many) => ({
    cpuPerMillion: median(many.map((one) => one.cpuPerMillion)),
    rssMiB: median(many.map((one) => one.rssMiB)),
    delayMs: median(many.map((one) => one.delayMs)),
    cutDelayMs: median(many.map((one) => one.cutDelayMs)),
  }));
  return [ours, theirs];
}

const missing = missingTools([tools.prometheus, tools.setpriv]);
if (missing.length > 0) {
  console.error(missing.join('\n'));
  process.exit(1);
}
const programs = await bundleOurs(temporaryDir('bench-ours'));
if ('scrape_cpu scrape_rss'.includes(only)) {
  const load = { ...base, isWatched: true };
  const [ours, theirs] = await compare('1 s', [programs, load], ['theirs', load]);
  print(ratioLine('scrape_cpu', 's/M', ours.cpuPerMillion, theirs.cpuPerMillion));
  print(ratioLine('scrape_rss', 'MiB', ours.rssMiB, theirs.rssMiB));
  const delays = [ours.delayMs, ours.cutDelayMs].map((delayMs) => `${delayMs.toFixed(1)} ms`);
  print(`event loop delay p99.9: ${delays[0]} scraping, ${delays[1]} while a block is cut`);
}
if ('scrape_cpu_10s'.includes(only)) {
  // Both compile and allocate by scrapes, not by seconds.
  const load = { ...base, intervalMs: 10_000, warmUpSeconds: 4 * base.warmUpSeconds };
  const [ours, theirs] = await compare('10 s', [programs, load], ['theirs', load]);
  print(ratioLine('scrape_cpu_10s', 's/M', ours.cpuPerMillion, theirs.cpuPerMillion));
}
if ('scrape_growth'.includes(only)) {
  // At 1 s packing the answers of 40 targets takes so much of two cores that scrapes time out.
  const load = { ...base, intervalMs: 2000, warmUpSeconds: 2 * base.warmUpSeconds };
  const [many, one] = [
    { ...load, targets: 40 },
    { ...load, targets: 1 },
  ];
  const [grown, single] = await compare('growth', [programs, many], [programs, one]);
  print('growth: 40 targets over 1, both at 2 s');
  print(ratioLine('scrape_growth', 's/M', grown.cpuPerMillion, single.cpuPerMillion));
}
if ('at_rest'.includes(only)) {
  // Twice as long, for two scrapes at least.
  const { warmUpSeconds, seconds } = base;
  const atRest = await measureAtRest(warmUpSeconds, 2 * seconds);
  const load = `${atRest.rssMiB.toFixed(1)} MiB, ${atRest.cpuSecondsPerHour.toFixed(1)} CPU s per hour`;
  print(`at rest, the plugin with one node at 60 s: ${load}`);
  const [usual, slowest] = [atRest.answerMs, atRest.slowestAnswerMs].map((ms) => ms.toFixed(1));
  print(`own metrics through the stand-in host: ${usual} ms, the slowest ${slowest} ms`);
}
