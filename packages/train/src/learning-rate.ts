import type { ScheduleSettings } from '@selfsup/core'
import { constant, multiStep, type Schedule, warmupCosine } from '@selfsup/optim'

/**
 * The learning rate of each step of a run.
 * @param base the highest rate
 * @param run.totalSteps over which a cosine goes down
 * @param run.stepsPerEpoch what turns the settings' epochs into steps
 * @throws SelfsupError when milestones do not ascend
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
