import { afterAll } from 'vitest'
import { removeTemporaryFolders } from './temporary-folder.js'

// TensorFlow's C++ side writes to stderr from its first line on; tests have nothing to say about it.
process.env.TF_CPP_MIN_LOG_LEVEL ??= '2'

// What XLA compiled in an earlier run must not decide what a test sees.
process.env.SELFSUP_XLA_CACHE ??= '0'

afterAll(removeTemporaryFolders)
