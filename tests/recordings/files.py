"""A small file of each named format, written by us after the provider's documentation (named in the module
of the format), and the ticks that it must be read as.

A tick is: symbol, time, price, quantity, side; of quotes: symbol, time, bid, size, ask, size; of bars:
symbol, time, seconds, open, high, low, close, volume. Times are RFC 3339, amounts decimals.
"""

from typing import NamedTuple

Row = tuple[object, ...]


class Sample(NamedTuple):
    name: str
    """The file's name."""
    format: str
    kind: str
    text: str
    rows: list[Row]


SAMPLES = [
    Sample(
        "BTCUSDT-trades-2024-01-02.csv",
        "binance-trades",
        "trade",
        "3352500001,44179.55000000,0.00011300,4.99228915,1704153600007,False,True\n"
        "3352500002,44179.54000000,0.02000000,883.59080000,1704153600007,True,True\n",
        [
            ("BTCUSDT", "2024-01-02T00:00:00.007Z", "44179.55", "0.000113", 1),
            ("BTCUSDT", "2024-01-02T00:00:00.007Z", "44179.54", "0.02", -1),
        ],
    ),
    Sample(
        "ETHUSDT-trades-2025-01-02.csv",
        "binance-trades",
        "trade",
        "id,price,qty,quote_qty,time,is_buyer_maker\n7,3353.1,0.5,1676.55,1735776000123456,true\n",
        [("ETHUSDT", "2025-01-02T00:00:00.123456Z", "3353.1", "0.5", -1)],
    ),
    Sample(
        "BNBUSDT-aggTrades-2024-01.csv",
        "binance-aggtrades",
        "trade",
        "26129,314.5,4.70,27781,27783,1704153600500,false,true\n",
        [("BNBUSDT", "2024-01-02T00:00:00.5Z", "314.5", "4.7", 1)],
    ),
    Sample(
        "BTCUSDT-1m-2024-01.csv",
        "binance-klines",
        "bar",
        "1704153600000,44179.55,44250.00,44170.00,44230.10,12.5,1704153659999,552000.1,380,6.1,270000,0\n"
        "1704153660000,44230.10,44230.10,44200.00,44210.00,8.25,1704153719999,365000.1,210,4.1,180000,0\n",
        [
            ("BTCUSDT", "2024-01-02T00:00:00Z", 60, "44179.55", "44250", "44170", "44230.1", "12.5"),
            ("BTCUSDT", "2024-01-02T00:01:00Z", 60, "44230.1", "44230.1", "44200", "44210", "8.25"),
        ],
    ),
    Sample(
        "BTCUSDT-bookTicker-2024-01-02.csv",
        "binance-bookticker",
        "quote",
        "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time\n"
        "3779,44179.5,3.2,44179.6,0.8,1704153600012,1704153600019\n",
        [("BTCUSDT", "2024-01-02T00:00:00.012Z", "44179.5", "3.2", "44179.6", "0.8")],
    ),
    Sample(
        "BTCUSDT2024-01-02.csv",
        "bybit-trades",
        "trade",
        "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional\n"
        "1704153600.1178,BTCUSDT,Sell,0.003,44180.1,MinusTick,8f6f1c3e-0e5a-5f0c-8a3a-1b1d5a9f2f10,1.32e10,0.003,132.5\n",
        [("BTCUSDT", "2024-01-02T00:00:00.1178Z", "44180.1", "0.003", -1)],
    ),
    Sample(
        "BTCUSDT_2024-01-02.csv",
        "bybit-spot-trades",
        "trade",
        "id,timestamp,price,volume,side,rpi\n1,1704153600074,44180.8,0.003718,sell,0\n",
        [("BTCUSDT", "2024-01-02T00:00:00.074Z", "44180.8", "0.003718", -1)],
    ),
    Sample(
        "20190101.csv",
        "bitmex-trades",
        "trade",
        "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional\n"
        "2019-01-01D00:00:00.143621000,XBTUSD,Buy,250,3693.5,PlusTick,5f4d6a6e-8b7c-4f1e-9d51-0a1b2c3d4e5f,6768750,0.06,250\n",
        [("XBTUSD", "2019-01-01T00:00:00.143621Z", "3693.5", "250", 1)],
    ),
    Sample(
        "20190102.csv",
        "bitmex-quotes",
        "quote",
        "timestamp,symbol,bidSize,bidPrice,askPrice,askSize\n"
        "2019-01-02D00:00:01.000000000,XBTUSD,5000,3830,3830.5,120000\n",
        [("XBTUSD", "2019-01-02T00:00:01Z", "3830", "5000", "3830.5", "120000")],
    ),
    Sample(
        "BTC-USDT-trades-2024-01-02.csv",
        "okx-trades",
        "trade",
        "trade_id/撮合id,side/交易方向,size/数量,price/价格,created_time/成交时间\n"
        "470512,buy,0.00025,44181.2,1704153600250\n",
        [("BTC-USDT", "2024-01-02T00:00:00.25Z", "44181.2", "0.00025", 1)],
    ),
    Sample(
        "allfuture-trades-2024-01-02.csv",
        "okx-trades",
        "trade",
        "instrument_name,trade_id,side,price,size,created_time\nBTC-USD-SWAP,9,sell,44181.2,10,1704153600250\n",
        [("BTC-USD-SWAP", "2024-01-02T00:00:00.25Z", "44181.2", "10", -1)],
    ),
    Sample(
        "BTC-USD.json",
        "coinbase-trades",
        "trade",
        '[{"time":"2024-01-02T00:00:00.123456Z","trade_id":590000001,"price":"44180.01","size":"0.0005","side":"buy"},'
        '{"time":"2024-01-02T00:00:01Z","trade_id":590000002,"price":"44180.02","size":"1","side":"sell"}]',
        [
            ("BTC-USD", "2024-01-02T00:00:00.123456Z", "44180.01", "0.0005", -1),
            ("BTC-USD", "2024-01-02T00:00:01Z", "44180.02", "1", 1),
        ],
    ),
    Sample(
        "ETH-USD_coinbase_candles.json",
        "coinbase-candles",
        "bar",
        "[[1704153600,2340.1,2352.5,2341.0,2350.2,120.5],[1704153660,2349.0,2351.0,2350.2,2349.9,80.25]]",
        [
            ("ETH-USD", "2024-01-02T00:00:00Z", 60, "2341", "2352.5", "2340.1", "2350.2", "120.5"),
            ("ETH-USD", "2024-01-02T00:01:00Z", 60, "2350.2", "2351", "2349", "2349.9", "80.25"),
        ],
    ),
    Sample(
        "XBTUSD.csv",
        "kraken-trades",
        "trade",
        "1704153600,44182.10000,0.00452100\n1704153601.2345,44182.2,0.1\n",
        [
            ("XBTUSD", "2024-01-02T00:00:00Z", "44182.1", "0.004521", 0),
            ("XBTUSD", "2024-01-02T00:00:01.2345Z", "44182.2", "0.1", 0),
        ],
    ),
    Sample(
        "ETHUSD_60.csv",
        "kraken-ohlcvt",
        "bar",
        "1704153600,2341.0,2360.5,2339.9,2355.1,410.25,980\n",
        [("ETHUSD", "2024-01-02T00:00:00Z", 3600, "2341", "2360.5", "2339.9", "2355.1", "410.25")],
    ),
    Sample(
        "deribit_trades_2024-01-02_BTC-PERPETUAL.csv",
        "tardis-trades",
        "trade",
        "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
        "deribit,BTC-PERPETUAL,1704153600002123,1704153600010456,290000001,sell,44190.5,40\n"
        "deribit,BTC-PERPETUAL,1704153600003000,1704153600011000,,unknown,44190.5,10\n",
        [
            ("BTC-PERPETUAL", "2024-01-02T00:00:00.002123Z", "44190.5", "40", -1),
            ("BTC-PERPETUAL", "2024-01-02T00:00:00.003Z", "44190.5", "10", 0),
        ],
    ),
    Sample(
        "deribit_quotes_2024-01-02_BTC-PERPETUAL.csv",
        "tardis-quotes",
        "quote",
        "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount\n"
        "deribit,BTC-PERPETUAL,1704153600002123,1704153600010456,2000,44191,44190.5,800\n",
        [("BTC-PERPETUAL", "2024-01-02T00:00:00.002123Z", "44190.5", "800", "44191", "2000")],
    ),
    Sample(
        "Coinbase_BTCUSD_trades_2024_01_02.csv",
        "kaiko-trades",
        "trade",
        "id,exchange,symbol,date,price,amount,sell\n590000001,cbse,btc-usd,1704153600044,44180.5,0.02,true\n",
        [("BTC-USD", "2024-01-02T00:00:00.044Z", "44180.5", "0.02", -1)],
    ),
    Sample(
        "ccxt_trades.csv",
        "ccxt-trades",
        "trade",
        "id,timestamp,datetime,symbol,order,type,side,takerOrMaker,price,amount,cost\n"
        "1,1704153600100,2024-01-02T00:00:00.100Z,BTC/USDT,,,buy,,44180.5,0.5,22090.25\n",
        [("BTC/USDT", "2024-01-02T00:00:00.1Z", "44180.5", "0.5", 1)],
    ),
    Sample(
        "SOL-USDT.json",
        "ccxt-ohlcv",
        "bar",
        "[[1704153600000,101.1,102.5,100.9,102.2,5000.5],[1704157200000,102.2,103,102,102.5,4100]]",
        [
            ("SOL-USDT", "2024-01-02T00:00:00Z", 3600, "101.1", "102.5", "100.9", "102.2", "5000.5"),
            ("SOL-USDT", "2024-01-02T01:00:00Z", 3600, "102.2", "103", "102", "102.5", "4100"),
        ],
    ),
    Sample(
        "xnas-itch-20240102.trades.csv",
        "databento-trades",
        "trade",
        "ts_recv,ts_event,rtype,publisher_id,instrument_id,action,side,depth,price,size,flags,ts_in_delta,sequence,symbol\n"
        "1704205800000165432,1704205800000123456,0,2,38,T,A,0,187150000000,100,130,165,5,AAPL\n",
        [("AAPL", "2024-01-02T14:30:00.000123456Z", "187.15", "100", -1)],
    ),
    Sample(
        "xnas-itch-20240102.mbp-1.csv",
        "databento-mbp-1",
        "quote",
        "ts_recv,ts_event,rtype,publisher_id,instrument_id,action,side,depth,price,size,flags,ts_in_delta,sequence,"
        "bid_px_00,ask_px_00,bid_sz_00,ask_sz_00,bid_ct_00,ask_ct_00,symbol\n"
        "2024-01-02T14:30:00.000165432Z,2024-01-02T14:30:00.000123456Z,1,2,38,A,B,0,187.140000000,200,130,165,5,"
        "187.140000000,187.160000000,200,300,1,2,AAPL\n",
        [("AAPL", "2024-01-02T14:30:00.000123456Z", "187.14", "200", "187.16", "300")],
    ),
    Sample(
        "xnas-itch-20240102.ohlcv-1m.csv",
        "databento-ohlcv",
        "bar",
        "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol\n"
        "1704205800000000000,33,2,38,187150000000,187440000000,187120000000,187400000000,51234,AAPL\n"
        "1704205860000000000,33,2,38,187400000000,187410000000,187200000000,187300000000,30211,AAPL\n",
        [
            ("AAPL", "2024-01-02T14:30:00Z", 60, "187.15", "187.44", "187.12", "187.4", "51234"),
            ("AAPL", "2024-01-02T14:31:00Z", 60, "187.4", "187.41", "187.2", "187.3", "30211"),
        ],
    ),
    Sample(
        "2024-01-02.csv",
        "massive-trades",
        "trade",
        "ticker,conditions,correction,exchange,id,participant_timestamp,price,sequence_number,sip_timestamp,size,"
        "tape,trf_id,trf_timestamp\n"
        'AAPL,"12,37",0,11,1,1704186000000100000,187.05,10,1704186000000123456,25,3,0,0\n'
        'AAPL,"12,37",8,11,2,1704186000000100000,187.05,11,1704186000000200000,25,3,0,0\n',
        [("AAPL", "2024-01-02T09:00:00.000123456Z", "187.05", "25", 0)],
    ),
    Sample(
        "2024-01-02-quotes.csv",
        "massive-quotes",
        "quote",
        "ticker,ask_exchange,ask_price,ask_size,bid_exchange,bid_price,bid_size,conditions,indicators,"
        "participant_timestamp,sequence_number,sip_timestamp,tape,trf_timestamp\n"
        "AAPL,12,187.2,3,11,187.1,2,1,,1704205800000000000,5,1704205800000100000,3,0\n",
        [("AAPL", "2024-01-02T14:30:00.0001Z", "187.1", "2", "187.2", "3")],
    ),
    Sample(
        "2024-01-02-minute.csv",
        "massive-aggregates",
        "bar",
        "ticker,volume,open,close,high,low,window_start,transactions\n"
        "AAPL,51234,187.15,187.4,187.44,187.12,1704205800000000000,900\n"
        "AAPL,30211,187.4,187.3,187.41,187.2,1704205860000000000,640\n",
        [
            ("AAPL", "2024-01-02T14:30:00Z", 60, "187.15", "187.44", "187.12", "187.4", "51234"),
            ("AAPL", "2024-01-02T14:31:00Z", 60, "187.4", "187.41", "187.2", "187.3", "30211"),
        ],
    ),
    Sample(
        "answer.json",
        "alpaca-trades",
        "trade",
        '{"trades":{"AAPL":[{"t":"2024-01-02T14:30:00.000123456Z","x":"V","p":187.15,"s":100,"c":["@"],"i":1,"z":"C"},'
        '{"t":"2024-01-02T14:30:01Z","x":"V","p":187.16,"s":5,"c":["@","T"],"i":2,"z":"C"}]},"next_page_token":null}',
        [
            ("AAPL", "2024-01-02T14:30:00.000123456Z", "187.15", "100", 0),
            ("AAPL", "2024-01-02T14:30:01Z", "187.16", "5", 0),
        ],
    ),
    Sample(
        "frame.csv",
        "alpaca-trades",
        "trade",
        "symbol,timestamp,exchange,price,size,id,conditions,tape\n"
        "AAPL,2024-01-02 14:30:00.000123456+00:00,V,187.15,100,1,\"['@', 'I']\",C\n",
        [("AAPL", "2024-01-02T14:30:00.000123456Z", "187.15", "100", 0)],
    ),
    Sample(
        "AAPL_2012-06-21_34200000_57600000_message_1.csv",
        "lobster-messages",
        "trade",
        "34200.004241176,1,16113575,18,5853300,1\n34200.025551909,4,16113575,18,5853300,1\n"
        "34200.201743283,5,0,100,5857400,-1\n",
        [
            ("AAPL", "2012-06-21T13:30:00.025551909Z", "585.33", "18", -1),
            ("AAPL", "2012-06-21T13:30:00.201743283Z", "585.74", "100", 1),
        ],
    ),
    Sample(
        "ctm_20240102.csv",
        "taq-trades",
        "trade",
        "DATE,TIME_M,EX,SYM_ROOT,SYM_SUFFIX,TR_SCOND,SIZE,PRICE,TR_CORR\n"
        "20240102,9:30:00.012345678,Q,IBM,,@F,200,162.5,00\n20240102,9:30:00.5,Q,IBM,,@,100,162.6,08\n",
        [("IBM", "2024-01-02T14:30:00.012345678Z", "162.5", "200", 0)],
    ),
    Sample(
        "EQY_US_ALL_TRADE_20240102.csv",
        "taq-daily-trades",
        "trade",
        "Time|Exchange|Symbol|Sale Condition|Trade Volume|Trade Price|Trade Correction Indicator\n"
        "093000012345678|Q|IBM|@F  |200|162.5|00\n",
        [("IBM", "2024-01-02T14:30:00.012345678Z", "162.5", "200", 0)],
    ),
    Sample(
        "DAT_ASCII_EURUSD_T_201202.csv",
        "histdata-ticks",
        "quote",
        "20120201 000003660,1.306600,1.306770,0\n20120701 000003973,1.266580,1.266750,0\n",
        [
            ("EURUSD", "2012-02-01T05:00:03.66Z", "1.3066", "1", "1.30677", "1"),
            ("EURUSD", "2012-07-01T05:00:03.973Z", "1.26658", "1", "1.26675", "1"),
        ],
    ),
    Sample(
        "DAT_ASCII_EURUSD_M1_201202.csv",
        "histdata-bars",
        "bar",
        "20120201 000000;1.306600;1.306700;1.306560;1.306560;0\n",
        [("EURUSD", "2012-02-01T05:00:00Z", 60, "1.3066", "1.3067", "1.30656", "1.30656", "0")],
    ),
    Sample(
        "EURUSD_Ticks_01.08.2024-01.08.2024.csv",
        "dukascopy-ticks",
        "quote",
        "Gmt time,Ask,Bid,AskVolume,BidVolume\n01.08.2024 00:00:00.123,1.08346,1.08345,0.75,1.5\n",
        [("EURUSD", "2024-08-01T00:00:00.123Z", "1.08345", "1.5", "1.08346", "0.75")],
    ),
    Sample(
        "EURUSD_Candlestick_1_M_BID_01.08.2024-01.08.2024.csv",
        "dukascopy-candles",
        "bar",
        "Gmt time,Open,High,Low,Close,Volume\n01.08.2024 00:00:00.000,1.08345,1.0836,1.08340,1.08355,120.5\n"
        "01.08.2024 00:01:00.000,1.08355,1.08355,1.0833,1.0834,99.5\n",
        [
            ("EURUSD", "2024-08-01T00:00:00Z", 60, "1.08345", "1.0836", "1.0834", "1.08355", "120.5"),
            ("EURUSD", "2024-08-01T00:01:00Z", 60, "1.08355", "1.08355", "1.0833", "1.0834", "99.5"),
        ],
    ),
    Sample(
        "EURUSD_202408010000_202408012359.csv",
        "metatrader-ticks",
        "quote",
        "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>\n"
        "2024.08.01\t00:00:00.123\t1.08345\t1.08346\t\t\t6\n2024.08.01\t00:00:01.000\t\t1.08347\t\t\t4\n",
        [
            ("EURUSD", "2024-08-01T00:00:00.123Z", "1.08345", "1", "1.08346", "1"),
            ("EURUSD", "2024-08-01T00:00:01Z", "1.08345", "1", "1.08347", "1"),
        ],
    ),
    Sample(
        "EURUSD_M1_202408010000_202408012359.csv",
        "metatrader-bars",
        "bar",
        "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n"
        "2024.08.01\t00:00:00\t1.08345\t1.0836\t1.0834\t1.08355\t48\t0\t1\n",
        [("EURUSD", "2024-08-01T00:00:00Z", 60, "1.08345", "1.0836", "1.0834", "1.08355", "48")],
    ),
    Sample(
        "SPY.csv",
        "yahoo-daily",
        "bar",
        "Date,Open,High,Low,Close,Adj Close,Volume\n2024-01-02,472.16,473.67,470.49,472.65,465.1,123623700\n"
        "2024-01-03,null,null,null,null,null,null\n",
        [("SPY", "2024-01-02T00:00:00Z", 86400, "472.16", "473.67", "470.49", "472.65", "123623700")],
    ),
    Sample(
        "spy.us.txt",
        "stooq",
        "bar",
        "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\n"
        "SPY.US,5,20240102,153000,472.16,473.67,470.49,472.65,1236237,0\n",
        [("SPY.US", "2024-01-02T15:30:00Z", 300, "472.16", "473.67", "470.49", "472.65", "1236237")],
    ),
    Sample(
        "BATS_SPY, 60.csv",
        "tradingview",
        "bar",
        "time,open,high,low,close,Volume,MA\n1704205800,472.16,473.67,470.49,472.65,1236237,NaN\n",
        [("SPY", "2024-01-02T14:30:00Z", 3600, "472.16", "473.67", "470.49", "472.65", "1236237")],
    ),
    Sample(
        "IBM_trades.csv",
        "cift-trades",
        "trade",
        '"at","sequence","price","quantity","aggressor","conditions"\n'
        '"2024-01-02T14:30:00.000000001Z",1704205800000000001,162.5,200,"buy",0\n'
        '"2024-01-02T14:30:00.000000002Z",1704205800000000002,162.5,200,\\N,0\n',
        [
            ("IBM", "2024-01-02T14:30:00.000000001Z", "162.5", "200", 1),
            ("IBM", "2024-01-02T14:30:00.000000002Z", "162.5", "200", 0),
        ],
    ),
    Sample(
        "quotes.json",
        "alpaca-quotes",
        "quote",
        '{"quotes":{"AAPL":[{"t":"2024-01-02T14:30:00.000123456Z","ax":"Q","ap":187.16,"as":3,"bx":"V","bp":187.15,'
        '"bs":2,"c":["R"],"z":"C"}]},"next_page_token":null}',
        [("AAPL", "2024-01-02T14:30:00.000123456Z", "187.15", "2", "187.16", "3")],
    ),
    Sample(
        "quotes_frame.csv",
        "alpaca-quotes",
        "quote",
        "symbol,timestamp,ask_exchange,ask_price,ask_size,bid_exchange,bid_price,bid_size,conditions,tape\n"
        "AAPL,2024-01-02 14:30:00.000123456+00:00,Q,187.16,3.0,V,187.15,2.0,['R'],C\n",
        [("AAPL", "2024-01-02T14:30:00.000123456Z", "187.15", "2", "187.16", "3")],
    ),
    Sample(
        "bars.json",
        "alpaca-bars",
        "bar",
        '{"bars":{"AAPL":[{"t":"2024-01-02T14:30:00Z","o":187.15,"h":187.44,"l":187.12,"c":187.4,"v":51234,"n":900,'
        '"vw":187.3},{"t":"2024-01-02T14:31:00Z","o":187.4,"h":187.41,"l":187.2,"c":187.3,"v":30211,"n":640,'
        '"vw":187.3}]},"next_page_token":null}',
        [
            ("AAPL", "2024-01-02T14:30:00Z", 60, "187.15", "187.44", "187.12", "187.4", "51234"),
            ("AAPL", "2024-01-02T14:31:00Z", 60, "187.4", "187.41", "187.2", "187.3", "30211"),
        ],
    ),
    Sample(
        "bars_frame.csv",
        "alpaca-bars",
        "bar",
        "symbol,timestamp,open,high,low,close,volume,trade_count,vwap\n"
        "AAPL,2024-01-02 14:30:00+00:00,187.15,187.44,187.12,187.4,51234.0,900.0,187.3\n"
        "AAPL,2024-01-02 14:35:00+00:00,187.4,187.41,187.2,187.3,30211.0,640.0,187.3\n",
        [
            ("AAPL", "2024-01-02T14:30:00Z", 300, "187.15", "187.44", "187.12", "187.4", "51234"),
            ("AAPL", "2024-01-02T14:35:00Z", 300, "187.4", "187.41", "187.2", "187.3", "30211"),
        ],
    ),
    Sample(
        "cqm_20240102.csv",
        "taq-quotes",
        "quote",
        "DATE,TIME_M,EX,BID,BIDSIZ,ASK,ASKSIZ,QU_COND,SYM_ROOT,SYM_SUFFIX\n"
        "20240102,9:30:00.012345678,N,162.49,2,162.51,5,R,IBM,\n",
        [("IBM", "2024-01-02T14:30:00.012345678Z", "162.49", "2", "162.51", "5")],
    ),
    Sample(
        "DAT_MT_EURUSD_M1_201207.csv",
        "histdata-metatrader",
        "bar",
        "2012.07.01,00:00,1.266580,1.266750,1.266500,1.266600,0\n",
        [("EURUSD", "2012-07-01T05:00:00Z", 60, "1.26658", "1.26675", "1.2665", "1.2666", "0")],
    ),
    Sample(
        "IBM_quotes.csv",
        "cift-quotes",
        "quote",
        '"at","sequence","bid","bid_quantity","ask","ask_quantity","symbol","source"\n'
        '"2024-01-02T14:30:00.000000001Z",1704205800000000001,162.49,200,162.51,500,"IBM","replay"\n',
        [("IBM", "2024-01-02T14:30:00.000000001Z", "162.49", "200", "162.51", "500")],
    ),
]
