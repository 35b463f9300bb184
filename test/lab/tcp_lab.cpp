// The laboratory's program: runs one cell, the whole table, or makes a plot.
//
//     tcp_lab --cc cubic --loss 1 --rtt 100 --rate 100          one cell (loss in %, RTT in ms, rate in Mbit/s)
//     tcp_lab --table --cc cubic,reno > table.txt               all cells, several minutes per algorithm
//     tcp_lab --timeouts                                        share of losses that need a timeout, by RTT
//     tcp_lab --rtt 100 --rate 100 --plot run.svg               cwnd, RTT and queue over time
#include "lab/bound.hpp"
#include "lab/lossy_transfer.hpp"
#include "lab/plot.hpp"

#include <tapio/version.hpp>

#include <boost/program_options.hpp>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>

namespace {

using namespace tapio::lab;
namespace po = boost::program_options;

void print_head()
{
    std::puts("cc      rate Mbit/s  RTT ms  loss %  reorder %  flows |  goodput   bound  ratio  util %  Jain  queue ms dropped  "
              "rexmit  RTO  TLP");
}

void print(const cell& c, const outcome& r)
{
    const double bound = bound_of(c);
    std::printf("%-7s %11g %7g %7g %10g %6u | %8.2f %7.2f %6.2f %7.1f %5.3f %9.2f %7llu %7llu %4llu %4llu\n",
                c.congestion_control.c_str(), static_cast<double>(c.rate) / 1e6,
                std::chrono::duration<double, std::milli>(c.rtt).count(), 100 * c.loss, 100 * c.reordering, c.flows,
                r.goodput / 1e6, bound / 1e6, r.goodput / bound, 100 * r.utilisation, r.fairness,
                std::chrono::duration<double, std::milli>(r.queue_mean).count(), static_cast<unsigned long long>(r.dropped),
                static_cast<unsigned long long>(r.retransmissions), static_cast<unsigned long long>(r.timeouts),
                static_cast<unsigned long long>(r.tail_probes));
    std::fflush(stdout);
}

std::vector<std::string> split(const std::string& text)
{
    std::vector<std::string> out;
    std::istringstream in(text);
    for (std::string word; std::getline(in, word, ',');) out.push_back(word);
    return out;
}

void table(const std::vector<std::string>& algorithms, const cell& like)
{
    print_head();
    for (const std::string& cc : algorithms)
        for (const double rate : {10e6, 100e6, 1e9})
            for (const int rtt : {1, 20, 100, 300})
                for (const double reorder : {0.0, 0.01, 0.05})
                    for (const double loss : {0.0, 0.0001, 0.001, 0.01, 0.03, 0.05, 0.1}) {
                        cell c = like;
                        c.congestion_control = cc;
                        c.rate = static_cast<std::uint64_t>(rate);
                        c.rtt = std::chrono::milliseconds(rtt);
                        c.loss = loss;
                        c.reordering = reorder;
                        print(c, run(c));
                    }
}

/// Transfers of 8 MB by one flow, for each of several seeds, over a path without a bottleneck.
void timeouts()
{
    constexpr unsigned seeds = 5;
    std::puts("     RTT us  loss % |     lost  rexmit  TLP   RTO  RTO/lost  s (median)");
    for (const double rtt : {1.0, 10.0, 100.0, 1e3, 10e3, 100e3})
        for (const double loss : {0.01, 0.05}) {
            lossy_outcome all;
            std::vector<double> seconds;
            for (unsigned seed = 1; seed <= seeds; ++seed) {
                lossy_path p;
                p.rtt = tapio::core::duration(static_cast<std::int64_t>(rtt * 1e3));
                p.loss = loss;
                p.seed = seed;
                const lossy_outcome r = transfer(p);
                seconds.push_back(std::chrono::duration<double>(r.took).count());
                all.dropped += r.dropped, all.retransmissions += r.retransmissions;
                all.timeouts += r.timeouts, all.tail_probes += r.tail_probes;
            }
            std::nth_element(seconds.begin(), seconds.begin() + seeds / 2, seconds.end());
            std::printf("%11g %7g | %8llu %7llu %4llu %5llu %9.4f %11.3f\n", rtt, 100 * loss,
                        static_cast<unsigned long long>(all.dropped), static_cast<unsigned long long>(all.retransmissions),
                        static_cast<unsigned long long>(all.tail_probes), static_cast<unsigned long long>(all.timeouts),
                        all.timeouts_per_loss(), seconds[seeds / 2]);
            std::fflush(stdout);
        }
}

} // namespace

int main(int argc, char** argv)
{
    std::string algorithms = "cubic", file, sequences;
    double from = 0, to = 2;
    double reorder_delay = 0, stall = 0, stall_every = 0;
    double loss = 0, rtt = 20, rate = 100, reorder = 0, start_up = 10, length = 30, queue = 1;
    unsigned flows = 1;
    std::uint64_t seed = 1;
    po::options_description options("tcp_lab: TCP over one bottleneck, in virtual time");
    options.add_options()("help", "this");
    options.add_options()("version", "the version");
    options.add_options()("cc", po::value(&algorithms), "algorithms, with commas between");
    options.add_options()("loss", po::value(&loss), "% of packets lost at random");
    options.add_options()("rtt", po::value(&rtt), "ms");
    options.add_options()("rate", po::value(&rate), "Mbit/s");
    options.add_options()("reorder", po::value(&reorder), "% of packets delayed, by 1 to 8 packet times");
    options.add_options()("reorder-delay", po::value(&reorder_delay), "... or by so many ms");
    options.add_options()("stall", po::value(&stall), "ms for which the path stands still");
    options.add_options()("stall-every", po::value(&stall_every), "... each so many ms");
    options.add_options()("flows", po::value(&flows), "at the same time");
    options.add_options()("queue", po::value(&queue), "of the bottleneck, in bandwidth-delay products");
    options.add_options()("start-up", po::value(&start_up), "s, not measured");
    options.add_options()("length", po::value(&length), "s, measured");
    options.add_options()("seed", po::value(&seed), "of chance");
    options.add_options()("tuned", "buffers begin small and grow as needed");
    options.add_options()("ecn", "both ends use it, and the queue marks from a sixth of its length on");
    options.add_options()("table", "every combination of the table");
    options.add_options()("timeouts", "timeouts for each packet lost, over RTT and loss, where nothing else bounds the flow");
    options.add_options()("plot", po::value(&file), "writes an SVG of the run");
    options.add_options()("sequence", po::value(&sequences), "writes an SVG of sequence numbers, ACKs and SACKs over time");
    options.add_options()("from", po::value(&from), "s, where that begins");
    options.add_options()("to", po::value(&to), "s, where that ends");
    try {
        po::variables_map given;
        po::store(po::parse_command_line(argc, argv, options), given);
        po::notify(given);
        if (given.contains("help")) return std::cout << options, 0;
        if (given.contains("version")) return std::puts("tcp_lab (tapio) " TAPIO_VERSION_STRING), 0;
        cell c;
        c.loss = loss / 100;
        const auto nanoseconds = [](double seconds) { return tapio::core::duration(static_cast<std::int64_t>(seconds * 1e9)); };
        c.rtt = nanoseconds(rtt / 1e3);
        c.rate = static_cast<std::uint64_t>(rate * 1e6);
        c.reordering = reorder / 100;
        c.reorder_delay = nanoseconds(reorder_delay / 1e3);
        c.stall = nanoseconds(stall / 1e3);
        c.stall_every = nanoseconds(stall_every / 1e3);
        c.flows = flows;
        c.queue = queue;
        c.seed = seed;
        c.ecn = given.contains("ecn");
        c.tuned = given.contains("tuned");
        c.start_up = nanoseconds(start_up);
        c.length = nanoseconds(length);
        if (given.contains("timeouts")) return timeouts(), 0;
        if (given.contains("table")) return table(split(algorithms), c), 0;
        print_head();
        for (const std::string& cc : split(algorithms)) {
            c.congestion_control = cc;
            std::vector<snapshot> seen;
            segment_log log(nanoseconds(from), nanoseconds(to));
            const auto watch = [&](const snapshot& s) { seen.push_back(s); };
            print(c, run(c, watch, std::chrono::milliseconds(10), sequences.empty() ? nullptr : &log));
            if (!file.empty()) std::ofstream(file) << plot(c, seen);
            if (!sequences.empty()) std::ofstream(sequences) << plot_sequence(c, log);
        }
    } catch (const std::exception& e) {
        std::cerr << "tcp_lab: " << e.what() << '\n';
        return 2;
    }
}
