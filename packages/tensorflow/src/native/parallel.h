// Runs many equal parts of work on all processors that TensorFlow uses.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <thread>

namespace selfsup {

class Workers {
 public:
  // Never destroyed: the threads sleep until the process exits.
  static Workers& Get() {
    static Workers* workers = new Workers();
    return *workers;
  }

  // The number of threads, including the caller's.
  int threads() const { return helpers_ + 1; }

  // Calls part(0) .. part(count - 1) once each, on the caller's thread and the others. Returns when all are done.
  void Each(int64_t count, const std::function<void(int64_t)>& part) {
    std::unique_lock<std::mutex> turn(turn_, std::try_to_lock);
    if (!turn.owns_lock() || helpers_ == 0 || count < 2) {
      for (int64_t i = 0; i < count; ++i) part(i);
      return;
    }
    {
      std::lock_guard<std::mutex> guard(mutex_);
      part_ = &part;
      count_ = count;
      next_ = 0;
      busy_ = helpers_;
      ++round_;
    }
    wake_.notify_all();
    Work(part, count);
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [this] { return busy_ == 0; });
  }

 private:
  Workers() {
    const char* wanted = std::getenv("TF_NUM_INTRAOP_THREADS");
    int threads = wanted ? std::atoi(wanted) : 0;
    if (threads <= 0) threads = static_cast<int>(std::thread::hardware_concurrency());
    helpers_ = std::max(0, threads - 1);
    for (int i = 0; i < helpers_; ++i) std::thread([this] { Serve(); }).detach();
  }

  void Serve() {
    for (uint64_t seen = 0;;) {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [&] { return round_ != seen; });
      seen = round_;
      const auto* part = part_;
      const int64_t count = count_;
      lock.unlock();
      Work(*part, count);
      lock.lock();
      if (--busy_ == 0) done_.notify_one();
    }
  }

  void Work(const std::function<void(int64_t)>& part, int64_t count) {
    for (int64_t i = next_.fetch_add(1); i < count; i = next_.fetch_add(1)) part(i);
  }

  std::mutex turn_, mutex_;
  std::condition_variable wake_, done_;
  const std::function<void(int64_t)>* part_ = nullptr;
  std::atomic<int64_t> next_{0};
  int64_t count_ = 0;
  int helpers_ = 0, busy_ = 0;
  uint64_t round_ = 0;
};

}  // namespace selfsup
