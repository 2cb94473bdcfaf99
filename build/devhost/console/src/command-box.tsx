// The message box of a channel, as far as slash commands need it.

import React, { useState } from 'react';
import type { FormEvent } from 'react';

import { executeCommand } from './server-api.ts';

export function CommandBox() {
  const [command, setCommand] = useState('');
  const [answer, setAnswer] = useState('');

  const execute = async (event: FormEvent) => {
    event.preventDefault();
    try {
      setAnswer(await executeCommand(command));
    } catch (error) {
      setAnswer(error instanceof Error ? error.message : String(error));
    }
  };

  return (
    <form className="console__command" onSubmit={(event) => void execute(event)}>
      <label htmlFor="slash-command">Slash command</label>
      <input
        id="slash-command"
        className="form-control"
        placeholder="/metrics dump"
        value={command}
        onChange={(event) => setCommand(event.target.value)}
      />
      <output className="console__answer">{answer}</output>
    </form>
  );
}
