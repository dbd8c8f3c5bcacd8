import type { Features } from './features.js'
import { expectNumbers } from './grade.js'
import { gram } from './gram.js'
import { symmetricEigenvalues } from './symmetric-eigenvalues.js'

/**
 * RankMe, the effective rank of features: exp of the entropy of their normalised singular values (Roy & Vetterli 2007;
 * Garrido et al. 2023, arXiv:2210.02885, eq. 1). It needs no labels and predicts how well the features transfer; low values
 * indicate collapsed dimensions. The paper uses 25,600 training images.
 * @returns 1 .. the number of features (or of images, if there are fewer)
 * @throws SelfsupError if a feature is not a finite number
 */
export async function effectiveRank(features: Pick<Features, 'values' | 'count' | 'width'>): Promise<number> {
  expectNumbers('effectiveRank', features)
  const { width } = features
  const eigenvalues = symmetricEigenvalues(await gram(features), width)
  // Singular values below 1e-5 of the largest are noise of the float32 products.
  const largest = eigenvalues.reduce((a, b) => Math.max(a, b), 0)
  const singular = eigenvalues.map((value) => (value > 1e-10 * largest ? Math.sqrt(value) : 0))
  const total = singular.reduce((sum, value) => sum + value, 0)
  if (total === 0) return 1
  let entropy = 0
  for (const value of singular) {
    const p = value / total + 1e-7
    entropy -= p * Math.log(p)
  }
  return Math.exp(entropy)
}
