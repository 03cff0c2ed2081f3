/** Moved to base: what is coded needs it as well as what is averaged. */
export * from '../../base/matrix.ts'
