import { closeSync, openSync, writeSync } from 'node:fs';

import { formatFloat } from '../../server/src/tool/go-format.ts';
import { type LoadShape, TargetLoad } from './load.ts';

/**
 * Writes the scrapes of a load as OpenMetrics text, scrape by scrape: what somebody has who moves to
 * Prometheus from another system.
 */
export function writeOpenMetrics(path: string, shape: LoadShape): void {
  const targets = Array.from({ length: shape.targets }, (_, node) => {
    const load = new TargetLoad(node + 1, shape.seriesPerTarget);
    return { load, names: load.series.map(seriesText), texts: [...load.values].map(formatFloat) };
  });
  const file = openSync(path, 'w');
  for (let scrape = 0; scrape < shape.scrapes; scrape++) {
    const time = (shape.startMs + scrape * shape.intervalMs) / 1000;
    for (const { load, names, texts } of targets) {
      const before = scrape === 0 ? undefined : load.values.slice();
      if (before !== undefined) load.step();
      let text = '';
      for (const [i, value] of load.values.entries()) {
        // Most values stand still, and making their text takes longer than writing it.
        if (value !== before?.[i]) texts[i] = formatFloat(value);
        text += `${names[i] ?? ''} ${texts[i] ?? ''} ${time}\n`;
      }
      writeSync(file, text);
    }
  }
  writeSync(file, '# EOF\n');
  closeSync(file);
}

function seriesText(labels: TargetLoad['series'][number]): string {
  const name = labels.find((label) => label.name === '__name__')?.value ?? '';
  const pairs = labels
    .filter((label) => label.name !== '__name__')
    .map((label) => `${label.name}="${label.value}"`);
  return `${name}{${pairs.join(',')}}`;
}
