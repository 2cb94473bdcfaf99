import { useIntl } from 'react-intl';

import english from '../../i18n/en.json' with { type: 'json' };

export type TextId = keyof typeof english;

export interface Text {
  (id: TextId, values?: Record<string, string | number>): string;
  locale: string;
}

/** The panel's texts in the language of the web app, in English where a translation lacks one. */
export function useText(): Text {
  const intl = useIntl();
  const text = (id: TextId, values?: Record<string, string | number>): string =>
    intl.formatMessage({ id, defaultMessage: english[id] }, values);
  return Object.assign(text, { locale: intl.locale });
}
