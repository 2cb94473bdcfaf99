/** A plugin that uses the methods of the API that probe-plugin.ts leaves out; see api.test.ts. */
import { silentLogger } from '../../server/src/base/log.ts';
import { pluginProcess } from '../../server/src/platform/plugin-process.ts';
import { systemClock } from '../../server/src/platform/system-clock.ts';
import {
  autocomplete,
  ephemeralResponse,
  fetchedListArgument,
  HttpHeader,
  listArgument,
  servePlugin,
  textArgument,
  type ByteSource,
  type MattermostApi,
} from '../../server/src/protocol/mattermost/index.ts';

const largeBytes = 3_000_001;

const upload = Buffer.alloc(largeBytes, 'upload ');

function bodyOf(content: Uint8Array): ByteSource {
  let at = 0;
  return {
    read() {
      const piece = content.subarray(at, at + 100_000);
      at += piece.length;
      return Promise.resolve(piece.length === 0 ? undefined : piece);
    },
  };
}

/** What a call came to: its result, or its error with what is known of it. */
async function outcome(call: Promise<unknown>): Promise<unknown> {
  try {
    return (await call) ?? null;
  } catch (error) {
    const { code, message, details } = error as { code: string; message: string; details: object };
    return { code, message, ...details };
  }
}

async function register(api: MattermostApi): Promise<void> {
  const how = { helpText: 'How far back' };
  const range = autocomplete({
    Trigger: 'range',
    Arguments: [
      listArgument(how, [{ item: '1h', hint: 'hour', helpText: 'The last hour' }]),
      textArgument({ helpText: 'A label' }, '[label]', '\\w+'),
      fetchedListArgument({ helpText: 'A job' }, 'jobs'),
    ],
  });
  await api.registerCommand({
    Trigger: 'api',
    AutoComplete: true,
    AutocompleteData: autocomplete({
      Trigger: 'api',
      HelpText: 'Calls the API',
      RoleID: 'system_admin',
      SubCommands: [range],
    }),
  });
}

async function uploads(api: MattermostApi): Promise<unknown> {
  const session = await api.createUploadSession({ Type: 'attachment', FileSize: largeBytes });
  const size = { ...session, FileSize: 1 };
  return {
    file: await outcome(api.uploadFile(upload, 'channel', 'a.bin')),
    refused: await outcome(api.uploadFile(upload, '', 'a.bin')),
    missing: await outcome(api.getUploadSession('x')),
    data: await outcome(api.uploadData(session, bodyOf(upload))),
    wrongSize: await outcome(api.uploadData(size, bodyOf(upload))),
  };
}

async function pluginHttp(api: MattermostApi): Promise<unknown> {
  const { status, header, body } = await api.pluginHttp({
    method: 'POST',
    path: '/com.example/path?q=1',
    header: new HttpHeader([['x-test', ['sent']]]),
    body: bodyOf(upload),
  });
  let text = '';
  for (let piece = await body.read(); piece; piece = await body.read()) {
    text += Buffer.from(piece).toString('latin1');
  }
  await body.close();
  return { status, answer: header.get('X-Answer'), start: text.slice(0, 40), size: text.length };
}

async function settings(api: MattermostApi): Promise<unknown> {
  await api.savePluginConfig({ Text: 'x', Number: 1.5, List: [true, null], Deep: { a: 'b' } });
  return {
    saved: await api.getPluginConfig(),
    status: await outcome(api.getPluginStatus('no.such.plugin')),
    bot: await api.ensureBotUser({ Username: 'metrics' }),
    post: (await api.createPost({ Message: 'hello', ChannelId: 'c' })).Message,
    event: await outcome(
      api.publishPluginClusterEvent(
        { Id: 'flush', Data: Buffer.from('now') },
        { SendType: 'reliable' },
      ),
    ),
  };
}

let given: MattermostApi | undefined;
const exitCode = await servePlugin(
  {
    async onActivate({ api }) {
      given = api;
      await register(api);
    },
    async executeCommand(_context, { Command }) {
      if (given === undefined) throw new Error('not active');
      const part = Command.split(' ')[1];
      const run = part === 'uploads' ? uploads : part === 'http' ? pluginHttp : settings;
      return ephemeralResponse(JSON.stringify(await run(given)));
    },
  },
  {
    process: pluginProcess,
    clock: systemClock,
    logger: silentLogger,
    startedByHand: 'started by a test',
  },
);
process.exit(exitCode);
