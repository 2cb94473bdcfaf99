import React, { useEffect, useState } from 'react';
import type { ReactNode } from 'react';
import { Modal } from 'react-bootstrap';

import type { Failure } from '../../../client/client.ts';
import { useText } from '../../../hooks/use_text.ts';
import type { Outcome } from '../../../store/thunks.ts';
import { FailureNotice } from '../../common/failure_notice.tsx';

interface Props {
  id: string;
  show: boolean;
  title: string;
  /** On the button that does it. */
  doLabel: string;
  doingLabel: string;
  /** On the button that does nothing; "Cancel" where that leaves no doubt. */
  closeLabel?: string;
  failedTitle: string;
  isDanger?: boolean;
  /** @returns the failure; undefined closes the dialogue; 'invalid' leaves it open as it is. */
  act: () => Promise<Outcome> | 'invalid';
  onClose: () => void;
  onExited?: () => void;
  children: ReactNode;
}

/**
 * A question with one deed. It stays open until the deed is done, and says so when it failed. There is
 * no form element in it: the console's page is a form itself, and submitting would save the settings.
 */
export function Dialogue(props: Props) {
  const text = useText();
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  const titleId = `${props.id}.title`;

  const act = async () => {
    const result = props.act();
    if (result === 'invalid') {
      return;
    }
    setBusy(true);
    setFailure(undefined);
    const outcome = await result;
    setBusy(false);
    setFailure(outcome);
    if (outcome === undefined) {
      props.onClose();
    }
  };
  useEffect(() => {
    if (props.show) {
      setFailure(undefined);
    }
  }, [props.show]);

  return (
    <Modal
      show={props.show}
      onHide={props.onClose}
      onExited={() => props.onExited?.()}
      dialogClassName="a11y__modal metrics-modal"
      aria-labelledby={titleId}
    >
      <Modal.Header closeButton={true}>
        <Modal.Title id={titleId}>{props.title}</Modal.Title>
      </Modal.Header>
      <Modal.Body>
        {props.children}
        {failure !== undefined && <FailureNotice title={props.failedTitle} failure={failure} />}
      </Modal.Body>
      <Modal.Footer>
        <div className="metrics-actions">
          <button type="button" className="btn btn-tertiary" onClick={props.onClose}>
            {props.closeLabel ?? text('metricsPlugin.close')}
          </button>
          <button
            type="button"
            className={props.isDanger === true ? 'btn btn-danger' : 'btn btn-primary'}
            disabled={isBusy}
            onClick={() => void act()}
          >
            {isBusy ? props.doingLabel : props.doLabel}
          </button>
        </div>
      </Modal.Footer>
    </Modal>
  );
}
