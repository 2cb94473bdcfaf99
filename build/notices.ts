// The text of NOTICE.txt: what the bundle holds that others wrote, and under which licence.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { build, type Metafile } from 'esbuild';

import type { Bundle } from './bundle.ts';
import { type Arch, record, rootDir, text } from './manifest.ts';
import { nodeBinary } from './node-binaries.ts';

const rule = '='.repeat(78);

/** Licences that may be part of a work under Apache-2.0. Others fail the build. */
const compatibleLicences = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Unlicense',
]);

interface Notice {
  readonly title: string;
  readonly licence: string;
  readonly text: string;
}

export async function noticeText(bundle: Bundle, archs: readonly Arch[]): Promise<string> {
  const metafiles = [...bundle.metafiles, await webappMetafile()];
  const notices = [
    await nodeNotice(archs),
    ...packageDirs(metafiles).map(packageNotice),
    ...libraryNotices(),
  ];
  const intro =
    'Mattermost Metrics Plugin is licensed under the Apache License 2.0, see LICENSE.\n' +
    'The bundle also holds the following works under licences of their own.\n';
  const parts = notices.map(
    (notice) => `${rule}\n${notice.title}\nLicence: ${notice.licence}\n\n${notice.text.trim()}\n`,
  );
  return [intro, ...parts].join('\n');
}

/** Folders of the npm packages that really went into a bundle, in order and each once. */
export function packageDirs(metafiles: readonly Metafile[]): string[] {
  const dirs = new Set<string>();
  for (const input of metafiles.flatMap((metafile) => Object.keys(metafile.inputs))) {
    const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (match?.[1] !== undefined) dirs.add(match[1]);
  }
  return [...dirs].sort();
}

/** Whether an SPDX expression leaves a choice that fits; anything but plain names and OR does not. */
export function isCompatible(expression: string): boolean {
  return expression
    .replace(/^\((.*)\)$/, '$1')
    .split(' OR ')
    .some((licence) => compatibleLicences.has(licence));
}

function packageNotice(dir: string): Notice {
  const absolute = path.join(rootDir, dir);
  const file = path.join(absolute, 'package.json');
  const json = record(JSON.parse(readFileSync(file, 'utf8')), file);
  const licence = text(json.license, `licence of ${dir}`);
  const title = `${text(json.name, file)} ${text(json.version, file)}`;
  if (!isCompatible(licence)) {
    throw new Error(`${title}: licence ${licence} is not known to be compatible with Apache-2.0`);
  }
  const licenceFile = readdirSync(absolute).find((name) => /^licen[cs]e(\.|$)/i.test(name));
  const body =
    licenceFile === undefined
      ? 'The package has no licence file; its package.json states the licence above.'
      : readFileSync(path.join(absolute, licenceFile), 'utf8');
  return { title, licence, text: body };
}

async function nodeNotice(archs: readonly Arch[]): Promise<Notice> {
  const node = await nodeBinary(archs[0] ?? 'amd64');
  return {
    title: `Node.js ${node.version}, with the libraries inside it`,
    licence: 'MIT and those listed below',
    text: await readFile(node.license, 'utf8'),
  };
}

function libraryNotices(): Notice[] {
  const copyright = readDebian('/usr/share/doc/libstdc++6/copyright', 'libstdc++6');
  const gpl = readDebian('/usr/share/common-licenses/GPL-3', 'base-files');
  return [
    {
      title: 'libstdc++ and libgcc of the GNU Compiler Collection, as Debian 12 builds them',
      licence: 'GPL-3.0-or-later WITH GCC-exception-3.1',
      text: [
        'Unmodified shared libraries. The corresponding source is the Debian source package',
        '"gcc-12" of Debian 12, https://sources.debian.org/src/gcc-12/.',
        '',
        copyright,
        rule,
        'GNU General Public License, version 3',
        '',
        gpl,
      ].join('\n'),
    },
  ];
}

function readDebian(file: string, debianPackage: string): string {
  if (!existsSync(file)) throw new Error(`${file} is missing: apt-get install ${debianPackage}`);
  return readFileSync(file, 'utf8');
}

/**
 * What the web app bundles. webpack builds it; esbuild resolves the same imports here for the list
 * alone. React and the other globals of the Mattermost web app are not part of the bundle.
 */
async function webappMetafile(): Promise<Metafile> {
  const result = await build({
    absWorkingDir: rootDir,
    entryPoints: [path.join(rootDir, 'webapp', 'src', 'index.tsx')],
    bundle: true,
    write: false,
    metafile: true,
    outdir: path.join(rootDir, 'dist'),
    external: ['react', 'react-dom', 'redux', 'react-redux', 'react-bootstrap', 'react-intl'],
    logLevel: 'silent',
  });
  return result.metafile;
}
