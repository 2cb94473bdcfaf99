import { FAILED, RECEIVED, REQUESTED } from './actions.ts';
import type { FailedAction, PanelAction, ReceivedAction } from './actions.ts';
import { initialState } from './state.ts';
import type { PanelState } from './state.ts';

// HTTP dates have whole seconds and the answer was some time on its way.
const CLOCK_NOISE_MS = 5_000;

// An answer that was overtaken says how things were before, e.g. before a dump was deleted.
function isLate(state: PanelState, action: ReceivedAction | FailedAction): boolean {
  return state[action.resource].requestId !== action.requestId;
}

function received(state: PanelState, action: ReceivedAction): PanelState {
  const aheadMs = action.clockAheadMs ?? state.clockAheadMs;
  return {
    ...state,
    [action.resource]: {
      requestId: action.requestId,
      loading: false,
      data: action.data,
      ...(action.ageMs !== undefined && { ageMs: action.ageMs }),
    },
    clockAheadMs: Math.abs(aheadMs) < CLOCK_NOISE_MS ? 0 : aheadMs,
  };
}

export function reducer(state: PanelState = initialState, action: PanelAction): PanelState {
  switch (action.type) {
    case REQUESTED:
      return {
        ...state,
        [action.resource]: {
          ...state[action.resource],
          requestId: action.requestId,
          loading: true,
        },
      };
    case RECEIVED:
      return isLate(state, action) ? state : received(state, action);
    case FAILED:
      return isLate(state, action)
        ? state
        : {
            ...state,
            [action.resource]: {
              ...state[action.resource],
              loading: false,
              failure: action.failure,
            },
          };
    default:
      return state;
  }
}
