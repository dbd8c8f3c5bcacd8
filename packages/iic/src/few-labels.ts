import { expected } from '@selfsup/core'
import { type ClusterProbabilities, indexOfMax } from './assign-clusters.js'

/** Classes by a head's clusters, of which a few labelled images tell what they stand for. */
export interface FewLabelClassifier {
  readonly classes: number
  /** the class that each cluster of each sub-head stands for: [subHeads, clusters], row after row */
  readonly classOfCluster: Int32Array
  /** The class of each image, all sub-heads together. @throws SelfsupError for another head's probabilities */
  classify(probabilities: ClusterProbabilities): Int32Array
}

/** Part of a vote that goes to all classes alike, so that a cluster that no label speaks for says nothing. */
const DOUBT = 1e-9

/**
 * From clusters to classes by few labels (semi-supervised over-clustering: Ji et al. 2019, arXiv:1807.06653, section
 * 4.1): each cluster stands for the classes of the labelled images in it. An image is in each cluster with its
 * probability, so that a cluster without a labelled image of its own goes to those that the labelled images nearest to
 * it have; and the sub-heads, each of which cuts the images up differently, are heard together.
 * @param labelled what the head says of images, of which those with a class (not -1) are used
 * @param options.classes how many; default as many as the labels name
 * @throws SelfsupError when no image has a class, or there are fewer clusters than classes
 */
export function fewLabelClassifier(
  labelled: ClusterProbabilities,
  { classes = labelled.labels.reduce((most, label) => Math.max(most, label), -1) + 1 } = {},
): FewLabelClassifier {
  const { values, labels, subHeads, clusters } = labelled
  const images = [...labels.keys()].filter((image) => labels[image]! >= 0)
  expected(images.length > 0, 'fewLabelClassifier: no image has a class; give a few of them one')
  expected(
    clusters >= classes,
    `fewLabelClassifier: ${clusters} clusters cannot stand for ${classes} classes; take a head of at least as many clusters`,
  )
  const wrong = images.find((image) => labels[image]! >= classes)
  expected(
    wrong === undefined,
    `fewLabelClassifier: classes must be below ${classes}; image ${wrong} has ${labels[wrong ?? 0]}`,
  )

  // Votes [subHeads * clusters, classes]: of an image for its class, in each cluster as far as it is in it.
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
        `fewLabelClassifier: the clusters must be those of the labelled images, ${subHeads} times ${clusters}; got ${probabilities.subHeads} times ${probabilities.clusters}`,
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
