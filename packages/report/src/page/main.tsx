import { render } from 'preact'
import 'uplot/dist/uPlot.min.css'
import type { PageData } from '../page-data.js'
import { App } from './app.js'
import './styles.css'
import { followSurroundings } from './theme.js'

const data: PageData = JSON.parse(document.getElementById('data')!.textContent ?? '')
followSurroundings()
render(<App data={data} />, document.getElementById('page')!)
