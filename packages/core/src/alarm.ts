/** A sign of failed training that the loss does not show: the moving average of a metric passes a limit. */
export interface Alarm {
  /** name, such as `collapse` */
  readonly name: string
  /** name of the logged metric; `phase/metric` for a method with several phases */
  readonly metric: string
  /** raise the alarm if the average is below this value */
  readonly below?: number
  /** raise the alarm if the average is above this value */
  readonly above?: number
  /** number of steps of the exponential moving average; no alarm is raised before this many steps */
  readonly steps: number
  /** text of the warning: what the alarm means and what to do */
  readonly message: string
}
