import React from 'react';
import type { ReactNode } from 'react';

interface Props {
  kind: 'info' | 'warning' | 'error';
  title?: string;
  children?: ReactNode;
  /** A button or a link that leads on. */
  action?: ReactNode;
}

/** A message that screen readers are told of at once, unless it is mere information. */
export function Notice({ kind, title, children, action }: Props) {
  return (
    <div
      className={`metrics-notice metrics-notice--${kind}`}
      role={kind === 'info' ? 'status' : 'alert'}
    >
      <div className="metrics-notice__text">
        {title !== undefined && <strong>{title}</strong>}
        {children !== undefined && <div>{children}</div>}
      </div>
      {action}
    </div>
  );
}
