import type { EvaluationRecord } from '@selfsup/run-folder'
import { number, percent } from './format.js'

/** Recall of each class, lowest first: accuracy hides a class that is never recognised. */
export function ClassRecall({
  classRecall,
}: {
  readonly classRecall: NonNullable<EvaluationRecord['classRecall']>
}) {
  return (
    <div class="recall">
      <h3>Recall of each class</h3>
      <table>
        <thead>
          <tr>
            <th scope="col">class</th>
            <th scope="col" class="figure">
              recall
            </th>
            <th scope="col" class="figure">
              test images
            </th>
          </tr>
        </thead>
        <tbody>
          {[...classRecall]
            .sort((a, b) => a.recall - b.recall)
            .map(({ name, recall, count }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td class="figure">{percent(recall)}</td>
                <td class="figure">{number(count)}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </div>
  )
}
