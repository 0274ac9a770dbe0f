// Whether a file is a TLS key log: lines that begin with a label of the format that programs write whose environment names a file in
// SSLKEYLOGFILE, or with a comment.

const LABEL = /^(?:CLIENT_RANDOM|(?:CLIENT|SERVER)_(?:EARLY_|HANDSHAKE_)?TRAFFIC_SECRET(?:_\d+)?|CLIENT_EARLY_TRAFFIC_SECRET|EARLY_EXPORTER_SECRET|EXPORTER_SECRET|RSA) [0-9A-Fa-f]/m;

export async function isKeyLog(file: Blob): Promise<boolean> {
  const text = await file.slice(0, 4096).text();
  return !text.includes('\0') && LABEL.test(text);
}
