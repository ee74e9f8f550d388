// The loop of every peer.mjs: it reads one JSON request per line from the
// standard input, calls the operation, and responds with one line of JSON.
// Import it before other packages.

import * as nodeCrypto from 'node:crypto'
import { createInterface } from 'node:readline'

// jose and oauth4webapi need these globals, which exist from Node 20 on.
globalThis.crypto ??= nodeCrypto.webcrypto
globalThis.CryptoKey ??= nodeCrypto.webcrypto.CryptoKey

console.log = console.info = console.error // stdout is for the responses only

/** Serves operations until the input ends. */
export async function serve(operations) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { op, ...request } = JSON.parse(line)
    let result
    try {
      result = { ok: await operations[op](request) }
    } catch (error) {
      result = { error: { name: error.name, code: error.code, message: error.message } }
    }
    process.stdout.write(JSON.stringify(result) + '\n')
  }
}
