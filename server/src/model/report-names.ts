/**
 * The series that a scraper makes about each target, with Prometheus' names, in its order. There are
 * samples of them whether the target answers or not.
 */
export const REPORT_NAMES = [
  'up',
  'scrape_duration_seconds',
  'scrape_samples_scraped',
  'scrape_samples_post_metric_relabeling',
  'scrape_series_added',
] as const;
