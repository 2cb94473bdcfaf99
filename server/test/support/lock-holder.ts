// Run by dir-lock.test.ts: locks a folder, says so, and holds it until its input ends.
import { CodedError } from '../../src/base/errors.ts';
import { diskFs } from '../../src/platform/disk-fs.ts';

const [dir = ''] = process.argv.slice(2);
try {
  const lock = await diskFs.lockDir(dir);
  process.stdout.write('held\n');
  process.stdin.resume().once('end', () => void lock.release());
} catch (error) {
  const { code, message } = error instanceof CodedError ? error : { code: 'unknown', message: '' };
  process.stdout.write(`${code} ${message}\n`);
}
