/** The methods in plain words, for people who have not read the papers. */
export const methodTexts = [
  {
    name: 'simclr',
    title: 'SimCLR',
    text: 'Two altered copies of the same image should look alike to the network, and different from all other images.',
  },
  {
    name: 'byol',
    title: 'BYOL',
    text: 'From one copy of an image, the network predicts what a slowly following twin makes of the other copy.',
  },
  {
    name: 'barlow-twins',
    title: 'Barlow Twins',
    text: 'Both copies should get the same description, and each number of it should say something the others do not.',
  },
  {
    name: 'vicreg',
    title: 'VICReg',
    text: 'Both copies should get the same description, while every number of it must keep varying between images.',
  },
  {
    name: 'simsiam',
    title: 'SimSiam',
    text: 'One copy predicts the description of the other. The simplest of all, and the easiest to collapse.',
  },
] as const

export type MethodName = (typeof methodTexts)[number]['name']
