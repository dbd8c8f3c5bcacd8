import { expected } from '@selfsup/core'
import { linearSumAssignment } from 'linear-sum-assignment'

export interface ClusterAccuracy {
  /** fraction of the images whose cluster is assigned to their class, 0..1 */
  readonly accuracy: number
  /** class assigned to each cluster, -1 if none */
  readonly classes: Int32Array
  /** number of images that have a class and were counted */
  readonly count: number
}

/**
 * Accuracy of clusters under the best one-to-one assignment of clusters to classes (the linear assignment problem, solved by
 * the Hungarian algorithm; Ji et al. 2019, arXiv:1807.06653, section 4.1). With more clusters than classes, the remaining
 * clusters count as wrong. Images without a class (-1) are ignored.
 * @param clusters cluster of each image, counted from 0
 * @param labels class of each image
 * @throws SelfsupError if the lengths differ, no image has a class, or a cluster is not a whole number from 0
 */
export function clusterAccuracy(clusters: Int32Array, labels: Int32Array): ClusterAccuracy {
  const counted = countPairs('clusterAccuracy', clusters, labels)
  const { counts, count } = counted
  // The matrix is square so that every cluster receives a class, if only a dummy one.
  const side = Math.max(counts.length, counted.classes)
  const square = Array.from({ length: side }, (_, cluster) =>
    Array.from({ length: side }, (_, label) => counts[cluster]?.[label] ?? 0),
  )
  const { rowAssignments } = linearSumAssignment(square, { maximaze: true })
  const classes = Int32Array.from(counts, (ofCluster, cluster) => {
    const label = rowAssignments[cluster]!
    return (ofCluster[label] ?? 0) > 0 ? label : -1
  })
  const right = counts.reduce((sum, ofCluster, cluster) => sum + (ofCluster[classes[cluster]!] ?? 0), 0)
  return { accuracy: right / count, classes, count }
}

/** Number of images per cluster and class. */
function countPairs(
  where: string,
  clusters: Int32Array,
  labels: Int32Array,
): { counts: number[][]; classes: number; count: number } {
  expected(
    clusters.length === labels.length,
    `${where}: clusters and labels must have the same length; got ${clusters.length} clusters and ${labels.length} labels`,
  )
  const most = (values: Int32Array) => values.reduce((most, value) => Math.max(most, value), -1)
  const classes = most(labels) + 1
  expected(classes > 0, `${where}: no image has a class; put the images into one folder per class`)
  const counts = Array.from({ length: most(clusters) + 1 }, () => new Array<number>(classes).fill(0))
  let count = 0
  for (const [image, label] of labels.entries()) {
    const cluster = clusters[image]!
    expected(cluster >= 0, `${where}: clusters must be numbered from 0; image ${image} has ${cluster}`)
    if (label < 0) continue
    counts[cluster]![label]!++
    count++
  }
  return { counts, classes, count }
}
