import { useDispatch, useSelector } from 'react-redux';

import { selectPanel } from '../store/selectors.ts';
import type { PanelState } from '../store/state.ts';
import type { PanelDispatch } from '../store/thunks.ts';

export function usePanel(): PanelState {
  return useSelector(selectPanel);
}

/** The web app's dispatch, which takes thunks. */
export function usePanelDispatch(): PanelDispatch {
  return useDispatch<PanelDispatch>();
}
