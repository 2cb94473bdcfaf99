/**
 * What a /metrics page shows, read by other means than the plugin's parser: series, by a key that
 * both this page and Prometheus's answers can be brought to, with their values.
 */
export function seriesOnPage(page: string): Map<string, number> {
  const series = new Map<string, number>();
  for (const line of page.split('\n')) {
    const parts = /^([^#{ ]+)(\{.*\})? (\S+)$/.exec(line);
    if (!parts) continue;
    const [, name = '', labelText = '', value] = parts;
    const labels: Record<string, string> = { __name__: name };
    for (const pair of labelText.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)) {
      const [, label = '', text = ''] = pair;
      labels[label] = unescaped(text);
    }
    series.set(seriesKey(labels), Number(value));
  }
  return series;
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
}

/**
 * Labels as one text that does not depend on their order. Those that a scrape adds are left out, and
 * empty ones, which to Prometheus are none.
 */
export function seriesKey(labels: Readonly<Record<string, string>>): string {
  const isOwn = (name: string): boolean => name !== 'job' && name !== 'instance';
  const own = Object.entries(labels).filter(([name, value]) => isOwn(name) && value !== '');
  return JSON.stringify(own.sort(([a], [b]) => (a < b ? -1 : 1)));
}
