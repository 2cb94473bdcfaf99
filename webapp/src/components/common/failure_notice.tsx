import React from 'react';

import type { Failure } from '../../client/client.ts';
import { useText } from '../../hooks/use_text.ts';
import { Notice } from './notice.tsx';

interface Props {
  /** What did not work, e.g. "The dumps could not be loaded". */
  title: string;
  failure: Failure;
  retrying?: boolean;
  onRetry?: () => void;
}

/** What to do about it, with what the server said: its sentence first, an error's text in brackets. */
function Explanation({ failure }: { failure: Failure }) {
  const text = useText();
  if (failure.kind === 'refused') {
    return <>{failure.detail}</>;
  }
  const advice = text(`metricsPlugin.failure.${failure.kind}`);
  if (failure.kind === 'server' && failure.detail.endsWith('.')) {
    return <>{`${failure.detail} ${text('metricsPlugin.failure.log')}`}</>;
  }
  return (
    <>
      {advice}
      {failure.detail !== '' && <span className="metrics-detail"> ({failure.detail})</span>}
    </>
  );
}

export function FailureNotice({ title, failure, retrying, onRetry }: Props) {
  const text = useText();
  return (
    <Notice
      kind="error"
      title={title}
      action={
        onRetry !== undefined && (
          <button
            type="button"
            className="btn btn-tertiary btn-sm"
            disabled={retrying}
            onClick={onRetry}
          >
            {text('metricsPlugin.retry')}
          </button>
        )
      }
    >
      <Explanation failure={failure} />
    </Notice>
  );
}
