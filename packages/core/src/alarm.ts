/** How training goes wrong while its loss shows nothing: a metric beyond a limit, on average over some steps. */
export interface Alarm {
  /** what it is called: `collapse` */
  readonly name: string
  /** as it is logged: of a method with several phases `phase/metric` */
  readonly metric: string
  /** the alarm is raised below this mean */
  readonly below?: number
  /** or above this one */
  readonly above?: number
  /** that the mean is taken over, exponentially; none is raised before so many */
  readonly steps: number
  /** what it means, and what to do */
  readonly says: string
}
