import { dirOption, signerOptions } from '../../common.ts'
export const walletAddressOptions = { dir: dirOption, signer: signerOptions.signer, from: signerOptions.from }
