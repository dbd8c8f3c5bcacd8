import type { ScheduleSettings } from '@selfsup/core'
import { constant, multiStep, type Schedule, warmupCosine } from '@selfsup/optim'

/**
 * Creates the learning-rate schedule of a run.
 * @param base the highest rate
 * @param run.totalSteps number of steps of the run, at the end of which a cosine reaches its final rate
 * @param run.stepsPerEpoch converts the epochs in the settings to steps
 * @throws SelfsupError if the milestones are not in ascending order
 */
export function learningRateSchedule(
  base: number,
  settings: ScheduleSettings,
  { totalSteps, stepsPerEpoch }: { readonly totalSteps: number; readonly stepsPerEpoch: number },
): Schedule {
  const warmupSteps = Math.min(Math.round((settings.warmupEpochs ?? 0) * stepsPerEpoch), totalSteps)
  switch (settings.name) {
    case 'cosine':
      return warmupCosine({ base, warmupSteps, totalSteps, final: settings.final })
    case 'step': {
      const milestones = settings.milestones.map((epoch) => Math.round(epoch * stepsPerEpoch))
      return multiStep({ base, warmupSteps, milestones, factor: settings.factor })
    }
    case 'constant':
      return warmupSteps > 0 ? multiStep({ base, warmupSteps, milestones: [] }) : constant(base)
  }
}
