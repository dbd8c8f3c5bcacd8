import { afterAll } from 'vitest'
import { removeTemporaryFolders } from './temporary-folder.js'

// TensorFlow's C++ side writes to stderr from its first line on; tests have nothing to say about it.
process.env.TF_CPP_MIN_LOG_LEVEL ??= '2'

afterAll(removeTemporaryFolders)
