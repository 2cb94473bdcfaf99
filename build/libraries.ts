import { existsSync } from 'node:fs';

import { type Arch, machineArch } from './manifest.ts';

/** A library that Node needs and that the official Mattermost image lacks. */
export interface BundledLibrary {
  /** The name that the loader looks for. */
  readonly name: string;
  /** Debian package that holds it on a machine of the same architecture. */
  readonly debianPackage: string;
  readonly file: string;
}

const libraries = [
  { name: 'libstdc++.so.6', debianPackage: 'libstdc++6' },
  { name: 'libgcc_s.so.1', debianPackage: 'libgcc-s1' },
] as const;

const multiarchNames: Readonly<Record<Arch, string>> = {
  amd64: 'x86_64-linux-gnu',
  arm64: 'aarch64-linux-gnu',
};

/**
 * The libraries to ship for `arch`, from Debian's packages on this machine. Debian 12 builds them
 * for glibc 2.36, the one of the official image.
 */
export function bundledLibraries(arch: Arch): BundledLibrary[] {
  return libraries.map((library) => ({ ...library, file: locate(library, arch) }));
}

/** Folder with the glibc of another architecture, which Debian's cross packages bring. */
export function crossSystemDir(arch: Arch): string {
  return `/usr/${multiarchNames[arch]}`;
}

function locate(library: (typeof libraries)[number], arch: Arch): string {
  const own = arch === machineArch();
  const dir = own ? `/usr/lib/${multiarchNames[arch]}` : `${crossSystemDir(arch)}/lib`;
  const file = [`${dir}/${library.name}`, `/lib/${multiarchNames[arch]}/${library.name}`].find(
    existsSync,
  );
  if (file !== undefined) return file;
  const debianPackage = own ? library.debianPackage : `${library.debianPackage}-${arch}-cross`;
  throw new Error(`${dir}/${library.name} is missing: apt-get install ${debianPackage}`);
}
