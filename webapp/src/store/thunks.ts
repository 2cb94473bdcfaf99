// What the panel does with the plugin. The web app's store runs thunks.

import { failureOf, pluginClient } from '../client/client.ts';
import type { Answer, Failure, PluginClient } from '../client/client.ts';
import type { DumpFormat, TimeRange } from '../types/api.ts';
import { FAILED, RECEIVED, REQUESTED } from './actions.ts';
import type { PanelAction, ReceivedAction } from './actions.ts';
import type { ResourceName, Resources } from './state.ts';

export type PanelThunk<R> = (dispatch: PanelDispatch) => R;

export interface PanelDispatch {
  <R>(thunk: PanelThunk<R>): R;
  (action: PanelAction): PanelAction;
}

/** undefined when all went well. */
export type Outcome = Failure | undefined;

export interface PanelThunks {
  loadStats(): PanelThunk<Promise<void>>;
  loadStatus(): PanelThunk<Promise<void>>;
  loadJobs(): PanelThunk<Promise<void>>;
  createDump(range: TimeRange, format: DumpFormat): PanelThunk<Promise<Outcome>>;
  cancelDump(jobId: string): PanelThunk<Promise<Outcome>>;
  deleteDump(jobId: string): PanelThunk<Promise<Outcome>>;
  deleteAllDumps(): PanelThunk<Promise<Outcome>>;
}

type Load = <Name extends ResourceName>(
  resource: Name,
  ask: () => Promise<Answer<Resources[Name]>>,
  toAction: (answer: Answer<Resources[Name]>, requestId: number) => ReceivedAction,
) => PanelThunk<Promise<void>>;

function makeLoad(): Load {
  let lastRequestId = 0;
  return (resource, ask, toAction) => async (dispatch) => {
    lastRequestId += 1;
    const requestId = lastRequestId;
    dispatch({ type: REQUESTED, resource, requestId });
    try {
      dispatch(toAction(await ask(), requestId));
    } catch (error) {
      dispatch({ type: FAILED, resource, requestId, failure: failureOf(error) });
    }
  };
}

export function makeThunks(client: PluginClient): PanelThunks {
  const load = makeLoad();

  const loadJobs = () =>
    load(
      'jobs',
      () => client.getJobs(),
      (answer, requestId) => ({ type: RECEIVED, resource: 'jobs', requestId, ...answer }),
    );

  // The table is loaded again whatever came of it: also a request that failed may have had its effect.
  function change(request: () => Promise<void>): PanelThunk<Promise<Outcome>> {
    return async (dispatch) => {
      let outcome: Outcome;
      try {
        await request();
      } catch (error) {
        outcome = failureOf(error);
      }
      await dispatch(loadJobs());
      return outcome;
    };
  }

  return {
    loadJobs,
    loadStats: () =>
      load(
        'stats',
        () => client.getStats(),
        (answer, requestId) => ({ type: RECEIVED, resource: 'stats', requestId, ...answer }),
      ),
    loadStatus: () =>
      load(
        'status',
        () => client.getStatus(),
        (answer, requestId) => ({ type: RECEIVED, resource: 'status', requestId, ...answer }),
      ),
    createDump: (range, format) => change(() => client.createJob(range, format)),
    cancelDump: (jobId) => change(() => client.cancelJob(jobId)),
    deleteDump: (jobId) => change(() => client.deleteJob(jobId)),
    deleteAllDumps: () => change(() => client.deleteAllJobs()),
  };
}

export const thunks: PanelThunks = makeThunks(pluginClient);
