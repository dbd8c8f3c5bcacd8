import { expected } from '@selfsup/core'
import { type ClusterProbabilities, indexOfMax } from './assign-clusters.js'

/** Predicts classes from the clusters of a head, which a few labelled images map to classes. */
export interface FewLabelClassifier {
  readonly classes: number
  /** class of each cluster of each sub-head: [subHeads, clusters], row by row */
  readonly classOfCluster: Int32Array
  /** Class of each image, from all sub-heads together. @throws SelfsupError for the probabilities of a different head */
  classify(probabilities: ClusterProbabilities): Int32Array
}

/** Weight of a uniform vote, so that a cluster without any labelled image votes for no particular class. */
const DOUBT = 1e-9

/**
 * Creates a classifier from clusters and few labels (semi-supervised over-clustering: Ji et al. 2019, arXiv:1807.06653,
 * section 4.1). Each labelled image votes for its class in every cluster, weighted by its probability, so that a cluster to
 * which no labelled image is assigned takes the classes of those with the highest probability in it. The votes of all
 * sub-heads are summed.
 * @param labelled probabilities of images; those with a class (not -1) are used
 * @param options.classes number of classes; default: the highest label plus one
 * @throws SelfsupError when no image has a class, or there are fewer clusters than classes
 */
export function fewLabelClassifier(
  labelled: ClusterProbabilities,
  { classes = labelled.labels.reduce((most, label) => Math.max(most, label), -1) + 1 } = {},
): FewLabelClassifier {
  const { values, labels, subHeads, clusters } = labelled
  const images = [...labels.keys()].filter((image) => labels[image]! >= 0)
  expected(
    images.length > 0,
    'fewLabelClassifier: no image has a class; label at least one image of each class',
  )
  expected(
    clusters >= classes,
    `fewLabelClassifier: the head must have at least as many clusters as there are classes; got ${clusters} clusters and ${classes} classes; use a head with more clusters`,
  )
  const wrong = images.find((image) => labels[image]! >= classes)
  expected(
    wrong === undefined,
    `fewLabelClassifier: labels must be below ${classes}; image ${wrong} has label ${labels[wrong ?? 0]}`,
  )

  // [subHeads * clusters, classes]: each image votes for its class in every cluster, weighted by its probability.
  const width = subHeads * clusters
  const votes = new Float64Array(width * classes).fill(DOUBT / classes)
  for (const image of images) {
    for (let cluster = 0; cluster < width; cluster++)
      votes[cluster * classes + labels[image]!]! += values[image * width + cluster]!
  }
  for (let cluster = 0; cluster < width; cluster++) {
    const own = votes.subarray(cluster * classes, (cluster + 1) * classes)
    const sum = own.reduce((sum, vote) => sum + vote, 0)
    for (let label = 0; label < classes; label++) own[label]! /= sum
  }

  return {
    classes,
    classOfCluster: Int32Array.from({ length: width }, (_, cluster) =>
      indexOfMax(votes.subarray(cluster * classes, (cluster + 1) * classes)),
    ),
    classify(probabilities) {
      expected(
        probabilities.subHeads === subHeads && probabilities.clusters === clusters,
        `fewLabelClassifier: the probabilities must come from the head of the labelled images, with ${subHeads} sub-heads of ${clusters} clusters; got ${probabilities.subHeads} sub-heads of ${probabilities.clusters}`,
      )
      const scores = new Float64Array(classes)
      return Int32Array.from({ length: probabilities.count }, (_, image) => {
        scores.fill(0)
        for (let cluster = 0; cluster < width; cluster++) {
          const probability = probabilities.values[image * width + cluster]!
          for (let label = 0; label < classes; label++)
            scores[label]! += probability * votes[cluster * classes + label]!
        }
        return indexOfMax(scores)
      })
    },
  }
}
