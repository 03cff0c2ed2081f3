#!/usr/bin/env node
// The `covey` command. Covey's TypeScript runs as it is on Node 24; started by an older Node, this file hands over to the
// Node 24 that the npm package `node` has brought along. It must itself run on Node 20: no TypeScript, no newer syntax.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire, enableCompileCache } from 'node:module'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const main = new URL('./main.ts', import.meta.url)

if (Number(process.versions.node.split('.')[0]) >= 22 && process.features.typescript) {
  await keepCompiledCode()
  const { runCli, exitWith } = await import(main.href)
  await exitWith(await runCli(process.argv.slice(2)))
} else {
  const binary = bundledNode()
  if (binary === null) {
    console.error(
      `covey: expected Node 22.18 or newer, got ${process.versions.node}; run \`npm ci\` in Covey's folder, or install Node 24`,
    )
    process.exit(1)
  }
  const child = spawn(binary, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' })
  // a terminal sends Ctrl-C to both; a supervisor signals only this one
  process.on('SIGINT', () => {})
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => {
    console.error(`covey: ${binary} could not be started: ${error.message}`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)))
}

/**
 * Between runs, for this process, its threads and those it starts: compiling is much of what a short command does, and each engine's
 * thread would do it again. In the user's own folder: what others can write to would be run here.
 */
async function keepCompiledCode() {
  const { cacheFolder } = await import(new URL('../src/base/cache-folder.ts', import.meta.url).href)
  process.env.NODE_COMPILE_CACHE ??= join(cacheFolder(), 'code')
  enableCompileCache()
}

function bundledNode() {
  try {
    const dir = dirname(createRequire(import.meta.url).resolve('node/package.json'))
    const binary = join(dir, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
    return existsSync(binary) ? binary : null
  } catch {
    return null
  }
}
