import { render } from 'preact'
import 'uplot/dist/uPlot.min.css'
import '../../../report/src/page/styles.css'
import { followSurroundings } from '../../../report/src/page/theme.js'
import { App } from './app.js'
import { startMapWorker } from './map-places.js'
import './styles.css'

followSurroundings()
startMapWorker()
render(<App />, document.getElementById('page')!)
