// Several workers: whether the other processes of a training run are alive. The collective operations themselves are
// TensorFlow's. A collective operation waits for all workers, so that a worker that died or hangs must be noticed from outside.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine.h"
#include "tensorflow/c/c_api_experimental.h"

namespace selfsup {
namespace {

constexpr int kRefusals = 2;  // failed checks in a row, after which a worker whose port is closed counts as dead

std::string TaskOf(int32_t worker) { return "/job:worker/replica:0/task:" + std::to_string(worker); }

// Asks a worker whether it is alive. Returns an empty string, or the reason why not.
std::string WhyNotAlive(TFE_Context* context, int32_t worker, int64_t timeout_ms) {
  Status status;
  TFE_CollectiveOpsCheckPeerHealth(context, TaskOf(worker).c_str(), timeout_ms, status);
  return status.ok() ? std::string() : std::string(TF_Message(status));
}

void Abort(TFE_Context* context, const std::string& reason) {
  Status status;
  TF_SetStatus(status, TF_ABORTED, reason.c_str());
  TFE_AbortCollectiveOps(context, status);
}

// Checks the other workers from a separate thread, which JavaScript can't block.
class Watch {
 public:
  static Watch& Get() {
    static auto* watch = new Watch;  // never destroyed: its thread may run until the process ends
    return *watch;
  }

  void Start(TFE_Context* context, int32_t workers, int32_t own, std::chrono::milliseconds interval,
             std::chrono::milliseconds patience) {
    Stop();
    stopped_ = false;
    thread_ = std::thread([=] { Run(context, workers, own, interval, patience); });
  }

  void Stop() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  // The worker that failed, or -1.
  int32_t failed() {
    std::lock_guard<std::mutex> lock(mutex_);
    return failed_;
  }

 private:
  void Run(TFE_Context* context, int32_t workers, int32_t own, std::chrono::milliseconds interval,
           std::chrono::milliseconds patience) {
    using Clock = std::chrono::steady_clock;
    std::vector<int> refused(workers, 0);
    std::vector<Clock::time_point> alive(workers, Clock::now());
    auto last = Clock::now();
    for (;;) {
      {
        std::unique_lock<std::mutex> lock(mutex_);
        if (changed_.wait_for(lock, interval, [this] { return stopped_; })) return;
      }
      // This process itself was stopped for a while, so the other workers get their whole time again.
      if (Clock::now() - last > interval + patience) alive.assign(workers, Clock::now());
      for (int32_t worker = 0; worker < workers; ++worker) {
        if (worker == own) continue;
        const auto asked = Clock::now();
        const std::string reason = WhyNotAlive(context, worker, patience.count() / 2);
        if (reason.empty()) {
          refused[worker] = 0;
          alive[worker] = Clock::now();
          continue;
        }
        // An answer within a second says that nobody listens there; otherwise no answer came.
        if (Clock::now() - asked < std::chrono::seconds(1)) ++refused[worker];
        if (refused[worker] < kRefusals && Clock::now() - alive[worker] < patience) continue;
        {
          std::lock_guard<std::mutex> lock(mutex_);
          if (stopped_) return;
          failed_ = worker;
        }
        Abort(context, "worker " + std::to_string(worker) + " does not answer: " + reason);
        return;
      }
      last = Clock::now();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::thread thread_;
  bool stopped_ = true;
  int32_t failed_ = -1;
};

struct Question {
  TFE_Context* context;
  int32_t worker;
  int64_t timeout_ms;
  std::string answer;
  napi_deferred deferred = nullptr;
  napi_async_work work = nullptr;
};

void Answer(napi_env env, napi_status, void* data) {
  const std::unique_ptr<Question> question(static_cast<Question*>(data));
  napi_value answer;
  napi_create_string_utf8(env, question->answer.c_str(), question->answer.size(), &answer);
  napi_resolve_deferred(env, question->deferred, answer);
  napi_delete_async_work(env, question->work);
}

}  // namespace

// checkWorker(worker, timeoutMs): asks another worker whether it is alive. Returns a promise of an empty string, or of the
// reason why not.
napi_value CheckWorker(Call& call) {
  auto question = std::make_unique<Question>(Question{call.engine().context, call.Int(size_t{0}), call.Int(1), {}});
  napi_value promise, name;
  Check(napi_create_promise(call.env, &question->deferred, &promise), "promise");
  Check(napi_create_string_utf8(call.env, "selfsup.checkWorker", NAPI_AUTO_LENGTH, &name), "name");
  const auto ask = [](napi_env, void* data) {
    auto& question = *static_cast<Question*>(data);
    question.answer = WhyNotAlive(question.context, question.worker, question.timeout_ms);
  };
  Check(napi_create_async_work(call.env, nullptr, name, ask, Answer, question.get(), &question->work), "work");
  Check(napi_queue_async_work(call.env, question->work), "work");
  question.release();
  return promise;
}

// watchWorkers(workers, own, intervalMs, patienceMs): from now on checks all other workers, and aborts all collective
// operations of this process when one does not answer for the given time. With 0 workers: stops checking.
napi_value WatchWorkers(Call& call) {
  const int32_t workers = call.Int(size_t{0});
  if (workers == 0) {
    Watch::Get().Stop();
  } else {
    Watch::Get().Start(call.engine().context, workers, call.Int(1), std::chrono::milliseconds(call.Int(2)),
                       std::chrono::milliseconds(call.Int(3)));
  }
  return nullptr;
}

// workerFailure(): the number of the worker that does not answer, or -1.
napi_value WorkerFailure(Call& call) { return call.Number(Watch::Get().failed()); }

// abortCollectives(reason): ends all pending and later collective operations of this process with an error.
napi_value AbortCollectives(Call& call) {
  Abort(call.engine().context, call.Text(call.arguments[0]));
  return nullptr;
}

}  // namespace selfsup
