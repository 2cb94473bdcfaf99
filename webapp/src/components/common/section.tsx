import React from 'react';
import type { ReactNode } from 'react';

interface Props {
  id: string;
  title: string;
  /** Shown at the end of the title's line. */
  aside?: ReactNode;
  children: ReactNode;
}

/** One card of the panel, as wide as the console's form. */
export function Section({ id, title, aside, children }: Props) {
  const titleId = `${id}.title`;
  return (
    <section className="metrics-section" id={id} aria-labelledby={titleId}>
      <div className="metrics-section__head">
        <h4 className="metrics-section__title" id={titleId}>
          {title}
        </h4>
        {aside}
      </div>
      {children}
    </section>
  );
}
