// The servers of a stand-in cluster, with switches for what can go wrong there.

import React, { useEffect, useState } from 'react';

import { loadNodes, performOnNode } from './server-api.ts';
import type { NodeState } from './server-api.ts';

const POLL_MS = 2_000;

/** Actions by their names on the buttons; see `DevNode.perform`. */
const ACTIONS = [
  ['Kill', 'kill'],
  ['Stop', 'stop'],
  ['Start', 'start'],
  ['Pause', 'pause'],
  ['Resume', 'resume'],
  ['Cut database', 'cut database'],
  ['Slow database', 'slow database'],
  ['Silence database', 'silence database'],
  ['Mend database', 'mend database'],
  ['Slow disk', 'slow disk'],
  ['Fill disk', 'fill disk'],
  ['Mend disk', 'mend disk'],
  ['Cut events', 'cut events'],
  ['Mend events', 'mend events'],
] as const;

/** Nothing on a host with one node. */
export function NodesBox() {
  const [nodes, setNodes] = useState<readonly NodeState[]>([]);
  const [failure, setFailure] = useState('');

  const show = (loading: Promise<readonly NodeState[]>): void => {
    loading.then(
      (loaded) => {
        setNodes(loaded);
        setFailure('');
      },
      (error: unknown) => setFailure(String(error)),
    );
  };
  const isCluster = nodes.length > 1;
  useEffect(() => {
    // A server of its own, or one that knows no nodes, is asked once.
    if (!isCluster) {
      show(loadNodes());
      return undefined;
    }
    const timer = setInterval(() => show(loadNodes()), POLL_MS);
    return () => clearInterval(timer);
  }, [isCluster]);

  if (!isCluster) return null;
  return (
    <section className="console__nodes" aria-label="Nodes">
      {nodes.map(({ name, url, state, faults }) => (
        <div key={name} className="console__node">
          <a href={`${url}/`}>{name}</a>
          <span>{[state, ...faults].join(', ')}</span>
          {ACTIONS.map(([label, action]) => (
            <button
              key={action}
              type="button"
              className="btn btn-default btn-xs"
              onClick={() => show(performOnNode(name, action))}
            >
              {label}
            </button>
          ))}
        </div>
      ))}
      <output>{failure}</output>
    </section>
  );
}
