import { CodedError } from '../../base/errors.ts';
import { compareText, type Labels } from '../../model/labels.ts';
import { LABEL_NAME_BYTES_MAX, LABEL_VALUE_BYTES_MAX, LABELS_PER_SERIES_MAX } from '../limits.ts';

const LONE_SURROGATE = /\p{Surrogate}/u;

/** Throws `ERR_LABELS` with the reason when a series may not have these labels. */
export function checkLabels(labels: Labels): void {
  if (labels.length === 0) throw labelsError('a series needs a label', '');
  if (labels.length > LABELS_PER_SERIES_MAX) {
    throw labelsError(`a series has more than ${LABELS_PER_SERIES_MAX} labels`, labels[0].name);
  }
  for (let i = 0; i < labels.length; i++) {
    const { name, value } = labels[i];
    if (name === '') throw labelsError('a label has no name', name);
    if (value === '') throw labelsError('a label has no value', name);
    // Half a surrogate pair has no UTF-8 form; two such names could become one.
    if (LONE_SURROGATE.test(name) || LONE_SURROGATE.test(value)) {
      throw labelsError('a label is not valid Unicode', name);
    }
    if (isLongerThan(name, LABEL_NAME_BYTES_MAX)) {
      throw labelsError(`a label name has more than ${LABEL_NAME_BYTES_MAX} bytes`, name);
    }
    if (isLongerThan(value, LABEL_VALUE_BYTES_MAX)) {
      throw labelsError(`a label value has more than ${LABEL_VALUE_BYTES_MAX} bytes`, name);
    }
    if (i > 0 && compareText(labels[i - 1].name, name) >= 0) {
      throw labelsError('labels are not sorted, or one comes twice', name);
    }
  }
}

/** In UTF-8; most texts are so short that nothing has to be counted. */
function isLongerThan(text: string, bytes: number): boolean {
  if (text.length * 3 <= bytes) return false;
  return text.length > bytes || new TextEncoder().encode(text).length > bytes;
}

function labelsError(reason: string, name: string): CodedError {
  return new CodedError('ERR_LABELS', reason, { label: name.slice(0, 100) });
}
