/** JSON over HTTP/1.1 on connections that stay open. The platform's `fetch` takes several times the CPU of this for a small body. */
import { Agent, request } from 'node:http'

const agent = new Agent({ keepAlive: true })

/** @returns the body of the answer, whatever its status. @throws Error when all of it is not here within `limit_ms` */
export function postJson(url: string, body: string, limit_ms: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const call = request(url, { method: 'POST', agent, headers }, (answer) => {
      const parts: Buffer[] = []
      answer.on('data', (part: Buffer) => parts.push(part))
      answer.once('end', () => resolve(Buffer.concat(parts).toString('utf8')))
      answer.once('error', reject)
    })
    const late = setTimeout(() => call.destroy(new Error(`no answer within ${limit_ms} ms`)), limit_ms)
    call.once('close', () => clearTimeout(late))
    call.once('error', reject)
    call.end(body)
  })
}
