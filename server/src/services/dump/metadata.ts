/**
 * What `metadata.yaml` of a dump says; the fields of Mattermost's `model.PacketMetadata`
 * (server/public/model/packet_metadata.go), whose reader checks versions and ids.
 */
export interface DumpMetadata {
  /** Unix milliseconds. */
  readonly generatedAtMs: number;
  /** The running server's, such as 11.8.0. */
  readonly serverVersion: string;
  readonly serverId: string;
  /** '' without a licence. */
  readonly licenseId: string;
  readonly customerId: string;
  /** The range that was asked for. */
  readonly minTimeMs: number;
  readonly maxTimeMs: number;
  readonly pluginId: string;
  readonly pluginVersion: string;
}

export const METADATA_FILE_NAME = 'metadata.yaml';

/** The file's text, its keys in the order that the Go plugin writes. */
export function formatMetadata(metadata: DumpMetadata): string {
  // A JSON string is a YAML double-quoted scalar, whatever it holds.
  const text = JSON.stringify;
  return [
    'version: 1',
    'type: plugin-packet',
    `generated_at: ${metadata.generatedAtMs}`,
    `server_version: ${text(metadata.serverVersion)}`,
    `server_id: ${text(metadata.serverId)}`,
    `license_id: ${text(metadata.licenseId)}`,
    `customer_id: ${text(metadata.customerId)}`,
    'extras:',
    `  max: ${metadata.maxTimeMs}`,
    `  min: ${metadata.minTimeMs}`,
    `  plugin_id: ${text(metadata.pluginId)}`,
    `  plugin_version: ${text(metadata.pluginVersion)}`,
    '',
  ].join('\n');
}
