/**
 * gossipsub (https://github.com/libp2p/specs/tree/master/pubsub/gossipsub) for 3 to 20 peers and topics that are quiet for minutes.
 * The defaults are made for thousands of peers and busy topics: there an honest peer that has nothing to say sinks below every threshold.
 */
import { createHash } from 'node:crypto'
import type { GossipsubOpts } from '@libp2p/gossipsub'
import type { MetricsRegister } from '@libp2p/gossipsub/metrics'
import { createPeerScoreParams, createTopicScoreParams, type TopicScoreParams } from '@libp2p/gossipsub/score'

/** Loopback: on one machine all peers share it, which says nothing about them. */
const LOOPBACK = ['127.0.0.1', '::1']

/** Peers behind one address before it counts against them: an office or a lab behind one router. */
const PEERS_PER_ADDRESS = 32

/** An RPC carries control messages as well; far above what 20 peers send, far below what hurts. */
const MAX_RPC_BYTES = 1 << 20

/** @param onSent is told the bytes of each RPC that leaves, control messages included */
export function gossipOptions(onSent: (bytes: number) => void): Partial<GossipsubOpts> {
  return {
    globalSignaturePolicy: 'StrictSign',
    fallbackToFloodsub: false,
    // own messages take the same way as others'; publish tops the mesh up to D by itself
    floodPublish: false,
    allowPublishToZeroTopicPeers: true,
    emitSelf: false,
    doPX: false,
    // a message comes from most of the mesh: without this each copy's signature is checked before it is known for a copy
    fastMsgIdFn: copyId,
    D: 6,
    Dlo: 4,
    Dhi: 12,
    Dscore: 4,
    Dout: 2,
    Dlazy: 6,
    heartbeatInterval: 700,
    // a node that restarts or resubscribes must be back in the mesh within one phase of a round
    pruneBackoff: 10_000,
    unsubcribeBackoff: 2_000,
    maxInboundDataLength: MAX_RPC_BYTES,
    // each peer has a few topics for each task that it works on
    maxTopicBytesPerPeer: 256 * 1024,
    scoreParams: createPeerScoreParams({
      IPColocationFactorWhitelist: new Set(LOOPBACK),
      IPColocationFactorThreshold: PEERS_PER_ADDRESS,
      // a restart costs a peer a few of these without any fault
      behaviourPenaltyThreshold: 6,
    }),
    // quiet topics never reach the default of 20, which would regraft without end
    scoreThresholds: { opportunisticGraftThreshold: 1 },
    metricsRegister: sentBytesOnly(onSent),
    metricsTopicStrToLabel: new Map(),
  }
}

/** Equal for the same message only, signature and all; a forgery under a seen number is judged by itself. */
function copyId({ data, from, seqno, signature }: Parameters<GossipsubOpts['fastMsgIdFn']>[0]): string {
  const hash = createHash('sha256')
  for (const part of [from, seqno, data, signature]) hash.update(part ?? new Uint8Array())
  return hash.digest('base64')
}

/**
 * The score of one topic: silence costs nothing, three rejected messages within a few seconds put a peer far below the graylist
 * threshold (−80): nothing is taken from it until it has been quiet for a while.
 */
export const TOPIC_SCORE: TopicScoreParams = createTopicScoreParams({
  topicWeight: 1,
  timeInMeshWeight: 0.01,
  timeInMeshQuantum: 1_000,
  timeInMeshCap: 100,
  firstMessageDeliveriesCap: 5,
  meshMessageDeliveriesWeight: 0,
  meshFailurePenaltyWeight: 0,
  invalidMessageDeliveriesWeight: -20,
  // per second: half is forgotten after 7 s
  invalidMessageDeliveriesDecay: 0.9,
})

/** gossipsub tells its traffic through a metrics registry only; this one keeps the single number that is wanted. */
function sentBytesOnly(onSent: (bytes: number) => void): MetricsRegister {
  const nothing = (): void => undefined
  return {
    gauge(config) {
      if (config.name !== 'gossipsub_rpc_sent_bytes_total') return { inc: nothing, set: nothing, addCollect: nothing }
      return {
        inc: (value?: unknown) => onSent(typeof value === 'number' ? value : 0),
        set: nothing,
        addCollect: nothing,
      }
    },
    histogram: () => ({ startTimer: () => nothing, observe: nothing, reset: nothing }),
    avgMinMax: () => ({ set: nothing }),
  }
}
