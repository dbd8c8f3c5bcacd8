import { expected } from '@selfsup/core'

/** A file of a repository on the Hugging Face Hub. */
export interface HubAddress {
  /** `owner/name` */
  readonly repository: string
  /** branch, tag or commit */
  readonly revision: string
  /** path in the repository; missing if the usual names are to be tried */
  readonly file?: string
}

const PART = /^[\w][\w.-]*$/

/**
 * Understands `hf:owner/name[@revision][:file]`.
 * @throws SelfsupError if the text does not have this form
 */
export function parseHubAddress(text: string): HubAddress {
  const [, owner = '', name = '', revision = 'main', file] =
    /^hf:([^/@:]+)\/([^/@:]+)(?:@([^:]+))?(?::(.+))?$/.exec(text) ?? []
  const inside = file === undefined || (!file.startsWith('/') && !file.split(/[\\/]/).includes('..'))
  expected(
    PART.test(owner) && PART.test(name) && revision.split('/').every((part) => PART.test(part)) && inside,
    `a model on the Hugging Face Hub is written hf:owner/name, hf:owner/name@revision or hf:owner/name:file; got '${text}'`,
  )
  return { repository: `${owner}/${name}`, revision, file }
}
