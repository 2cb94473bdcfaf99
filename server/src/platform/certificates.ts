import tls from 'node:tls';

/** What OpenSSL says about the certificate of the other side; Node has it as codes. */
const CERTIFICATE_CODE = /^(CERT_|ERR_TLS_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH)/;

export function isCertificateCode(code: string): boolean {
  return CERTIFICATE_CODE.test(code);
}

/** Node brings its own list; administrators put their own authorities into the system's. */
export function trustedCertificates(): string[] {
  return [...new Set([...tls.getCACertificates('default'), ...tls.getCACertificates('system')])];
}

/** The certificates in a text, each by itself: of one text OpenSSL reads what is before a damaged one. */
export function certificatesIn(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
}
