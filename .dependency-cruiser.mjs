/**
 * The floors of the code (ARCHITECTURE.md): a file imports only from lower floors, or from its own folder.
 * Run: depcruise src node coordinator cli
 */
const F2 = 'data|model|hub|engine|adapter|aggregate|privacy|round|wire'
const F3 = 'transport|ledger|store|serve'

/** Everything above a floor, plus what is no part of the product. */
const above = {
  F0: `^(src/(?!base/)|node/|coordinator/|cli/|test/|bench/|scripts/)`,
  F1: `^(src/(?!base/|types/)|node/|coordinator/|cli/|test/|bench/|scripts/)`,
  F3: '^(node/|coordinator/|cli/|test/|bench/|scripts/)',
  F4: '^(cli/|test/|bench/|scripts/)',
  F5: '^(test/|bench/|scripts/)',
}

/** Rooms of large folders: what each may import of the others. The files beside the rooms may import all of them. */
const ROOMS = {
  engine: {
    graph: [],
    loop: [],
    network: ['graph', 'loop'],
    threads: ['loop'],
    onnx: ['graph', 'loop', 'network', 'threads'],
    tfjs: ['loop', 'network', 'threads'],
  },
  model: { families: [], folder: ['families'], derive: ['families', 'folder'] },
}
const rooms = Object.entries(ROOMS).flatMap(([folder, parts]) =>
  Object.entries(parts).map(([room, lower]) => ({
    name: `${folder}-${room}`,
    severity: 'error',
    from: { path: `^src/${folder}/${room}/` },
    to: { path: `^src/${folder}/[^/]+/`, pathNot: `^src/${folder}/(${[room, ...lower].join('|')})/` },
  })),
)

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    { name: 'no-cycles', comment: 'type imports count', severity: 'error', from: {}, to: { circular: true } },
    { name: 'F0-base', severity: 'error', from: { path: '^src/base/' }, to: { path: above.F0 } },
    { name: 'F1-types', severity: 'error', from: { path: '^src/types/' }, to: { path: above.F1 } },
    {
      name: 'F2-lower-or-own',
      severity: 'error',
      from: { path: `^src/(${F2})/` },
      to: { path: '^(src|node|coordinator|cli|test|bench|scripts)/', pathNot: '^src/(base|types|$1)/' },
    },
    ...rooms,
    {
      name: 'F3-do-not-meet',
      comment: 'they meet where they are wired, on the next floor',
      severity: 'error',
      from: { path: `^src/(${F3})/` },
      to: { path: `^src/(${F3})/`, pathNot: '^src/$1/' },
    },
    { name: 'F3-lower', severity: 'error', from: { path: `^src/(${F3})/` }, to: { path: above.F3 } },
    {
      name: 'F4-node-below-coordinator',
      comment: 'a coordinator is a node with other duties: it stands on node/, never the other way round',
      severity: 'error',
      from: { path: '^node/' },
      to: { path: '^coordinator/' },
    },
    { name: 'F4-lower', severity: 'error', from: { path: '^(node|coordinator)/' }, to: { path: above.F4 } },
    { name: 'F5-lower', severity: 'error', from: { path: '^cli/' }, to: { path: above.F5 } },
    { name: 'resolves', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'declared',
      comment: 'a package that only the tests install is missing on a user’s machine',
      severity: 'error',
      from: { path: '^(src|node|coordinator|cli)/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
}
